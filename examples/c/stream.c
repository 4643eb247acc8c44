/* Streams sound: reads raw 16 kHz mono floats from standard input and prints one line per frame.
 *
 *   cc stream.c $(pkg-config --cflags --libs deeptalk) -o stream && ./stream model.safetensors < speech.f32
 */
#include <deeptalk.h>
#include <stdio.h>
#include <stdlib.h>

static void must(dt_status status, const char *what) {
    char text[1024];
    if (status == DT_OK) return;
    dt_last_error(text, sizeof text, NULL);
    fprintf(stderr, "%s: status %d: %s\n", what, (int)status, text);
    exit((int)status);
}

static void print_frames(dt_session *session, size_t waiting, size_t parameters) {
    float values[8 * 64]; /* room for a few frames */
    while (waiting > 0) {
        size_t first, frames;
        must(dt_stream_poll(session, values, sizeof values / sizeof *values, &first, &frames), "poll");
        for (size_t i = 0; i < frames; ++i) {
            printf("%zu", first + i);
            for (size_t k = 0; k < parameters; ++k) printf(" %.9g", values[i * parameters + k]);
            putchar('\n');
        }
        fflush(stdout);
        waiting -= frames;
    }
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    dt_model *model = NULL;
    dt_session *session = NULL;
    size_t parameters, count, waiting;
    must(dt_model_load(argv[1], NULL, &model), "model");
    must(dt_model_parameters(model, &parameters), "parameters");
    must(dt_session_new(model, &session), "session");
    must(dt_model_free(&model), "free"); /* the session stays valid */

    dt_stream_options options;
    must(dt_stream_options_init(&options), "options");
    options.look_ahead = 0.32f;
    options.hop = 0.16f;
    must(dt_stream_begin(session, &options, NULL), "begin");
    float piece[1777];
    while ((count = fread(piece, sizeof *piece, sizeof piece / sizeof *piece, stdin)) > 0) {
        must(dt_stream_push(session, piece, count, NULL, &waiting), "push");
        print_frames(session, waiting, parameters);
    }
    must(dt_stream_finish(session, NULL, &waiting), "finish");
    print_frames(session, waiting, parameters);

    double delay;
    must(dt_stream_delay(session, &delay), "delay");
    fprintf(stderr, "a steady player is %.2f s behind the sound\n", delay);
    must(dt_session_free(&session), "free");
    return 0;
}

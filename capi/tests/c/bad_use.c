/* Bad use of every kind: an error code each, and the library goes on.  ./bad_use MODEL FOLDER
 * FOLDER has "vanished.safetensors", which this program removes, and "empty", a file of no bytes. */
#include <deeptalk.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int line_of_failure;
/* The status is as expected, and a failure has something to say. */
#define EXPECT(expected, call)                                                          \
    do {                                                                                \
        dt_status got = (call);                                                         \
        char text[2000] = "";                                                           \
        if (got != DT_OK) dt_last_error(text, sizeof text, NULL);                       \
        if (got != (expected) || (got != DT_OK && strlen(text) < 10)) {                 \
            fprintf(stderr, "line %d: got %d: %s\n", __LINE__, (int)got, text);         \
            if (!line_of_failure) line_of_failure = __LINE__;                           \
        }                                                                               \
    } while (0)

typedef struct {
    size_t steps, stop_at;
    dt_session *session;
    dt_status inside;
} hold;

static int stop(void *user, const char *stage, size_t done, size_t total) {
    hold *own = user;
    (void)done, (void)total;
    if (!stage || !*stage) abort();
    if (own->session) own->inside = dt_session_free(&own->session);
    return ++own->steps == own->stop_at;
}

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    char path[4096], text[64];
    size_t n = 0, m = 0;
    int32_t has = -1;
    uint32_t index;
    double delay;
    float value[64], *sound = calloc(6400, sizeof(float));
    for (int i = 0; i < 6400; ++i) sound[i] = 0.2f * sinf(0.05f * (float)i);

    /* Texts and versions. */
    EXPECT(DT_OK, dt_has_feature("stream", &has));
    if (has != 1) return 1;
    EXPECT(DT_OK, dt_has_feature("time travel", &has));
    if (has != 0) return 1;
    EXPECT(DT_BAD_USE, dt_has_feature(NULL, &has));
    EXPECT(DT_BAD_USE, dt_has_feature("\xff", &has));
    EXPECT(DT_BAD_USE, dt_has_feature("cpu", NULL));
    EXPECT(DT_BAD_USE, dt_last_error(NULL, 5, NULL));
    EXPECT(DT_OK, dt_last_error(NULL, 0, &n));

    /* Loading. */
    dt_model *model = NULL, *other = NULL;
    EXPECT(DT_BAD_USE, dt_model_load(NULL, NULL, &model));
    EXPECT(DT_BAD_USE, dt_model_load(argv[1], NULL, NULL));
    EXPECT(DT_BAD_INPUT, dt_model_load("no/such/file", NULL, &model));
    EXPECT(DT_BAD_INPUT, dt_model_load(argv[2], NULL, &model));
    snprintf(path, sizeof path, "%s/empty", argv[2]);
    EXPECT(DT_BAD_INPUT, dt_model_load(path, NULL, &model));
    EXPECT(DT_BAD_INPUT, dt_model_from_bytes((const uint8_t *)"short", 5, NULL, &model));
    EXPECT(DT_BAD_INPUT, dt_model_from_bytes(NULL, 0, NULL, &model));
    EXPECT(DT_BAD_USE, dt_model_from_bytes(NULL, 5, NULL, &model));
    EXPECT(DT_BAD_USE, dt_model_from_bytes((const uint8_t *)"x", SIZE_MAX, NULL, &model));
    dt_model_options options;
    EXPECT(DT_BAD_USE, dt_model_options_init(NULL));
    EXPECT(DT_OK, dt_model_options_init(&options));
    options.device = 99;
    EXPECT(DT_BAD_USE, dt_model_load(argv[1], &options, &model));
    EXPECT(DT_OK, dt_model_options_init(&options));
    options.device = DT_DEVICE_CUDA, options.gpu = 77;
    EXPECT(DT_NO_DEVICE, dt_model_load(argv[1], &options, &model));
    EXPECT(DT_OK, dt_model_options_init(&options));
    options.threads = 100000;
    EXPECT(DT_BAD_USE, dt_model_load(argv[1], &options, &model));
    options.size = 3;
    EXPECT(DT_BAD_USE, dt_model_load(argv[1], &options, &model));
    if (model) return 1;
    /* A file that vanishes when it is loaded is still mapped. */
    snprintf(path, sizeof path, "%s/vanished.safetensors", argv[2]);
    EXPECT(DT_OK, dt_model_load(path, NULL, &other));
    if (unlink(path)) return 1;
    EXPECT(DT_BAD_INPUT, dt_model_load(path, NULL, &model));
    EXPECT(DT_OK, dt_model_load(argv[1], NULL, &model));

    /* Questions to a model. */
    EXPECT(DT_BAD_HANDLE, dt_model_parameters(NULL, &n));
    EXPECT(DT_BAD_USE, dt_model_parameters(model, NULL));
    EXPECT(DT_OK, dt_model_parameters(model, &n));
    EXPECT(DT_TOO_SMALL, dt_model_parameter_name(model, 0, text, 3, &m));
    EXPECT(DT_OK, dt_model_parameter_name(model, 0, NULL, 0, &m));
    EXPECT(DT_BAD_USE, dt_model_parameter_name(model, n, text, sizeof text, NULL));
    EXPECT(DT_BAD_USE, dt_model_parameter_name(model, 0, NULL, 10, NULL));
    EXPECT(DT_OK, dt_model_parameter_name(model, n - 1, text, sizeof text, NULL));
    if (strcmp(text, "jaw_z")) return 1;
    EXPECT(DT_BAD_USE, dt_model_actor_name(model, SIZE_MAX, text, sizeof text, NULL));
    EXPECT(DT_BAD_HANDLE, dt_model_device(NULL, text, sizeof text, NULL));

    /* Sessions. */
    dt_session *session = NULL;
    dt_motion *motion = NULL, *motions[2] = {NULL, NULL};
    EXPECT(DT_BAD_HANDLE, dt_session_new(NULL, &session));
    EXPECT(DT_BAD_USE, dt_session_new(model, NULL));
    EXPECT(DT_OK, dt_session_new(model, &session));
    EXPECT(DT_BAD_HANDLE, dt_animate(NULL, sound, 6400, NULL, NULL, &motion));
    EXPECT(DT_BAD_HANDLE, dt_animate((dt_session *)model, sound, 6400, NULL, NULL, &motion));
    EXPECT(DT_BAD_HANDLE, dt_session_new((const dt_model *)session, &session));
    EXPECT(DT_BAD_HANDLE, dt_animate((dt_session *)((char *)session + 1), sound, 6400, NULL, NULL, &motion));
    EXPECT(DT_BAD_USE, dt_animate(session, NULL, 6400, NULL, NULL, &motion));
    EXPECT(DT_BAD_USE, dt_animate(session, sound, 0, NULL, NULL, &motion));
    EXPECT(DT_BAD_USE, dt_animate(session, sound, SIZE_MAX / 2, NULL, NULL, &motion));
    EXPECT(DT_BAD_USE, dt_animate(session, (const float *)((char *)sound + 1), 9, NULL, NULL, &motion));
    EXPECT(DT_BAD_USE, dt_animate(session, sound, 6400, NULL, NULL, NULL));
    sound[77] = NAN;
    EXPECT(DT_BAD_USE, dt_animate(session, sound, 6400, NULL, NULL, &motion));
    EXPECT(DT_BAD_USE, dt_stream_push(session, sound, 6400, NULL, &n));
    sound[77] = 0;
    if (motion) return 1;
    dt_take take;
    EXPECT(DT_OK, dt_take_init(&take));
    take.actor = 1000;
    EXPECT(DT_BAD_USE, dt_animate(session, sound, 6400, &take, NULL, &motion));
    EXPECT(DT_OK, dt_take_init(&take));
    take.temperature_top = -1;
    EXPECT(DT_BAD_USE, dt_animate(session, sound, 6400, &take, NULL, &motion));
    EXPECT(DT_OK, dt_take_init(&take));
    take.emotion_mu = value, take.emotion_width = 3, value[0] = 1, value[1] = value[2] = 0;
    EXPECT(DT_BAD_USE, dt_animate(session, sound, 6400, &take, NULL, &motion));
    take.emotion_share = 7;
    EXPECT(DT_BAD_USE, dt_stream_begin(session, NULL, &take));
    EXPECT(DT_OK, dt_take_init(&take));
    take.moods = "happy";
    EXPECT(DT_BAD_USE, dt_animate(session, sound, 6400, &take, NULL, &motion));
    take.moods = "0 heard, -1 heard";
    EXPECT(DT_BAD_USE, dt_animate(session, sound, 6400, &take, NULL, &motion));
    take.moods = NULL, take.emotion_strength = NAN;
    EXPECT(DT_BAD_USE, dt_stream_begin(session, NULL, &take));
    EXPECT(DT_BAD_USE, dt_stream_set_mood(session, "happy"));
    EXPECT(DT_BAD_USE, dt_stream_set_mood(session, NULL));
    EXPECT(DT_BAD_HANDLE, dt_stream_set_mood(NULL, "heard"));
    EXPECT(DT_OK, dt_model_moods(model, &n));
    if (n) return 1;
    EXPECT(DT_BAD_USE, dt_model_mood_name(model, 0, text, sizeof text, NULL));
    options.size = sizeof options, options.threads = 1, options.emotions = "no/such/file";
    EXPECT(DT_BAD_INPUT, dt_model_load(argv[1], &options, &other));
    memset(&take, 0, sizeof take);
    EXPECT(DT_BAD_USE, dt_animate(session, sound, 6400, &take, NULL, &motion));
    EXPECT(DT_BAD_USE, dt_emotion(session, sound, 6400, value, value, 3));
    EXPECT(DT_OK, dt_model_emotion_width(model, &n));
    EXPECT(DT_BAD_USE, dt_emotion(session, sound, 6400, NULL, value, n));
    EXPECT(DT_BAD_USE, dt_emotion(session, sound, 6400, value, value, n));
    EXPECT(DT_BAD_USE, dt_emotion(session, sound, 6400, value, value + n - 1, n));
    EXPECT(DT_OK, dt_emotion(session, sound, 6400, value, value + n, n));
    const float *clips[2] = {sound, NULL};
    size_t counts[2] = {6400, 1};
    EXPECT(DT_BAD_USE, dt_animate_batch(session, clips, counts, 2, NULL, NULL, motions));
    EXPECT(DT_BAD_USE, dt_animate_batch(session, NULL, counts, 2, NULL, NULL, motions));
    EXPECT(DT_BAD_USE, dt_animate_batch(session, clips, NULL, 2, NULL, NULL, motions));
    EXPECT(DT_BAD_USE, dt_animate_batch(session, clips, counts, 1, NULL, NULL, NULL));
    EXPECT(DT_OK, dt_animate_batch(session, NULL, NULL, 0, NULL, NULL, NULL));
    clips[1] = sound;
    EXPECT(DT_OK, dt_animate_batch(session, clips, counts, 2, NULL, NULL, motions));
    EXPECT(DT_OK, dt_motion_free(&motions[0]));
    EXPECT(DT_OK, dt_motion_free(&motions[1]));

    /* Callbacks that stop the work at every stage, and that use their own session. */
    hold own = {0, 0, NULL, DT_OK};
    dt_control control = {sizeof control, stop, &own};
    EXPECT(DT_OK, dt_animate(session, sound, 6400, NULL, &control, &motion));
    EXPECT(DT_OK, dt_motion_free(&motion));
    size_t steps = own.steps;
    if (steps < 20) return 1;
    for (size_t at = 1; at <= steps; ++at) {
        own = (hold){0, at, NULL, DT_OK};
        EXPECT(DT_CANCELLED, dt_animate(session, sound, 6400, NULL, &control, &motion));
        if (own.steps != at || motion) return 1;
    }
    own = (hold){0, 1, session, DT_OK};
    EXPECT(DT_CANCELLED, dt_animate(session, sound, 6400, NULL, &control, &motion));
    if (own.inside != DT_BUSY || own.session != session) return 1;
    control.size = 1;
    EXPECT(DT_BAD_USE, dt_animate(session, sound, 6400, NULL, &control, &motion));
    control.size = sizeof control;

    /* Streams. */
    dt_stream_options stream;
    size_t pair[2];
    EXPECT(DT_OK, dt_stream_options_init(&stream));
    stream.hop = 0;
    EXPECT(DT_BAD_USE, dt_stream_begin(session, &stream, NULL));
    EXPECT(DT_OK, dt_stream_options_init(&stream));
    EXPECT(DT_OK, dt_stream_begin(session, &stream, NULL));
    EXPECT(DT_OK, dt_stream_delay(session, &delay));
    if (delay < 0.5 || delay > 0.7) return 1;
    EXPECT(DT_BAD_USE, dt_stream_delay(session, NULL));
    EXPECT(DT_BAD_HANDLE, dt_stream_delay(NULL, &delay));
    EXPECT(DT_BAD_HANDLE, dt_stream_begin(NULL, &stream, NULL));
    stream.hop = 0.04f, stream.look_ahead = 0.04f;
    for (size_t at = 1; at < 40; at += 3) {
        EXPECT(DT_OK, dt_stream_begin(session, &stream, NULL));
        own = (hold){0, at, NULL, DT_OK};
        dt_status status = dt_stream_push(session, sound, 6400, &control, NULL);
        EXPECT(DT_CANCELLED, status);
        /* A place that cannot be written is refused before the piece is taken: the stream still has ten frames. */
        EXPECT(DT_BAD_USE, dt_stream_push(session, sound, 6400, NULL, (size_t *)((char *)pair + 1)));
        EXPECT(DT_OK, dt_stream_push(session, NULL, 0, NULL, &n));
        EXPECT(DT_OK, dt_stream_finish(session, NULL, &n));
        if (n != 10) return 1;
    }
    EXPECT(DT_BAD_USE, dt_stream_push(session, sound, 1, NULL, NULL));
    EXPECT(DT_TOO_SMALL, dt_stream_poll(session, value, 5, &n, &m));
    EXPECT(DT_BAD_USE, dt_stream_poll(session, NULL, 64, &n, &m));
    EXPECT(DT_BAD_USE, dt_stream_poll(session, value, 64, NULL, &m));
    EXPECT(DT_OK, dt_stream_poll(session, value, 64, &n, &m));
    if (n != 0 || m != 1) return 1;
    EXPECT(DT_OK, dt_stream_finish(session, NULL, &n));
    if (n != 9) return 1;

    /* Motions and faces. */
    EXPECT(DT_OK, dt_animate(session, sound, 6400, NULL, NULL, &motion));
    EXPECT(DT_OK, dt_motion_shape(motion, &n, &m));
    EXPECT(DT_BAD_USE, dt_motion_shape(motion, NULL, &m));
    EXPECT(DT_TOO_SMALL, dt_motion_values(motion, value, 5));
    EXPECT(DT_BAD_USE, dt_motion_values(motion, NULL, n * m));
    EXPECT(DT_BAD_HANDLE, dt_motion_values((const dt_motion *)model, value, 64));
    EXPECT(DT_BAD_USE, dt_motion_write(motion, "talk.xyz"));
    EXPECT(DT_FAILED, dt_motion_write(motion, "no/such/folder/talk.npz"));
    dt_face *face = NULL;
    EXPECT(DT_BAD_INPUT, dt_face_load("no/such/face", NULL, &face));
    EXPECT(DT_BAD_INPUT, dt_face_load(argv[1], NULL, &face));
    EXPECT(DT_BAD_HANDLE, dt_face_load(NULL, (const dt_model *)session, &face));
    EXPECT(DT_OK, dt_face_load(NULL, NULL, &face));
    EXPECT(DT_TOO_SMALL, dt_face_triangles(face, &index, 1));
    EXPECT(DT_BAD_USE, dt_face_vertices(face, value, 7, value, 64));
    EXPECT(DT_TOO_SMALL, dt_face_vertices(face, value, m, value, 64));
    EXPECT(DT_BAD_HANDLE, dt_face_vertices(NULL, value, m, value, 64));

    /* Freeing: a second time by the same variable, null, another kind. */
    EXPECT(DT_BAD_HANDLE, dt_model_free(NULL));
    EXPECT(DT_BAD_HANDLE, dt_motion_free((dt_motion **)&face));
    EXPECT(DT_OK, dt_face_free(&face));
    EXPECT(DT_BAD_HANDLE, dt_face_free(&face));
    EXPECT(DT_OK, dt_motion_free(&motion));
    EXPECT(DT_BAD_HANDLE, dt_motion_free(&motion));
    EXPECT(DT_OK, dt_model_free(&model));
    EXPECT(DT_BAD_HANDLE, dt_model_free(&model));
    EXPECT(DT_OK, dt_model_free(&other));
    EXPECT(DT_OK, dt_animate(session, sound, 6400, NULL, NULL, &motion)); /* outlives its model's handle */
    EXPECT(DT_OK, dt_motion_free(&motion));
    EXPECT(DT_OK, dt_session_free(&session));
    EXPECT(DT_BAD_HANDLE, dt_session_free(&session));
    free(sound);
    return line_of_failure ? 1 : 0;
}

/* Animates one recording: reads raw 16 kHz mono floats, writes the motion as CSV, and prints the extent of the vertices.
 *
 *   cc one_clip.c $(pkg-config --cflags --libs deeptalk) -o one_clip && ./one_clip model.safetensors speech.f32 talk.csv
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

static int tell(void *user, const char *stage, size_t done, size_t total) {
    size_t *steps = user;
    (void)stage, (void)done, (void)total;
    ++*steps;
    return 0; /* any other value stops the work */
}

static float *read_floats(const char *path, size_t *count) {
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END)) exit(3);
    *count = (size_t)ftell(file) / sizeof(float);
    rewind(file);
    float *samples = malloc(*count * sizeof(float) + 1);
    if (!samples || fread(samples, sizeof(float), *count, file) != *count) exit(3);
    fclose(file);
    return samples;
}

int main(int argc, char **argv) {
    if (argc != 4 || dt_abi_version() >> 16 != DT_ABI_MAJOR) return 2;
    size_t count;
    float *samples = read_floats(argv[2], &count);

    dt_model *model = NULL;
    must(dt_model_load(argv[1], NULL, &model), "model");
    dt_session *session = NULL;
    must(dt_session_new(model, &session), "session");

    size_t steps = 0;
    dt_control control = {sizeof control, tell, &steps};
    dt_motion *motion = NULL;
    must(dt_animate(session, samples, count, NULL, &control, &motion), "animate");
    must(dt_motion_write(motion, argv[3]), "write");

    size_t frames, parameters, vertices, triangles;
    must(dt_motion_shape(motion, &frames, &parameters), "shape");
    float *rows = malloc(frames * parameters * sizeof(float));
    must(dt_motion_values(motion, rows, frames * parameters), "values");
    dt_face *face = NULL;
    must(dt_face_load(NULL, model, &face), "face");
    must(dt_face_shape(face, &vertices, &triangles), "face shape");
    float *points = malloc(vertices * 3 * sizeof(float));
    must(dt_face_vertices(face, rows, parameters, points, vertices * 3), "vertices");
    float top = points[1];
    for (size_t i = 0; i < vertices; ++i) top = points[3 * i + 1] > top ? points[3 * i + 1] : top;

    dt_timings timings;
    must(dt_session_timings(session, &timings), "timings");
    printf("%zu frames of %zu parameters in %zu steps; the head's top is at %.3f m; words took %.1f of %.1f ms\n", frames, parameters,
           steps, top, 1e3 * timings.content, 1e3 * timings.total);

    must(dt_face_free(&face), "free");
    must(dt_motion_free(&motion), "free");
    must(dt_session_free(&session), "free");
    must(dt_model_free(&model), "free");
    free(points), free(rows), free(samples);
    return 0;
}

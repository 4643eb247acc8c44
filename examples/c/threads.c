/* Eight threads on one model, each with its own session: for the same sound, all results are equal.
 *
 *   cc -pthread threads.c $(pkg-config --cflags --libs deeptalk) -o threads && ./threads model.safetensors
 */
#include <deeptalk.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { VOICES = 8, SAMPLES = 6400, VALUES = 10 * 64 };

static const dt_model *shared;
static float sound[SAMPLES];

typedef struct {
    dt_status status;
    size_t count;
    float values[VALUES];
} voice;

static dt_status speak(voice *own) {
    dt_session *session = NULL;
    dt_motion *motion = NULL;
    size_t frames, parameters;
    dt_status status = dt_session_new(shared, &session);
    if (!status) status = dt_animate(session, sound, SAMPLES, NULL, NULL, &motion);
    if (!status) status = dt_motion_shape(motion, &frames, &parameters);
    if (!status) own->count = frames * parameters;
    if (!status) status = dt_motion_values(motion, own->values, VALUES);
    if (motion) dt_motion_free(&motion);
    if (session) dt_session_free(&session);
    return status;
}

static void *run(void *user) {
    voice *own = user;
    own->status = speak(own);
    return NULL;
}

int main(int argc, char **argv) {
    static voice voices[VOICES];
    pthread_t threads[VOICES];
    dt_model *model = NULL;
    if (argc != 2 || dt_model_load(argv[1], NULL, &model)) return 2;
    shared = model;
    for (int i = 0; i < SAMPLES; ++i) sound[i] = 0.3f * sinf(0.05f * (float)i) * sinf(0.0007f * (float)i);
    for (int i = 0; i < VOICES; ++i)
        if (pthread_create(&threads[i], NULL, run, &voices[i])) return 1;
    for (int i = 0; i < VOICES; ++i) pthread_join(threads[i], NULL);
    for (int i = 0; i < VOICES; ++i) {
        if (voices[i].status || voices[i].count == 0) return (int)voices[i].status + 10;
        if (memcmp(voices[i].values, voices[0].values, sizeof voices[0].values)) return 20;
    }
    if (dt_model_free(&model)) return 30;
    printf("%d voices, %zu values each, all equal\n", VOICES, voices[0].count);
    return 0;
}

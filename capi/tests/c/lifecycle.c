/* Made and freed again and again.  ./lifecycle MODEL TIMES MODELS KB: so many sessions with a stream each, and so many models with threads of
 * their own; memory may grow by so much after the first tenth of each. */
#include <deeptalk.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static long resident_kb(void) {
    char line[256];
    long kb = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        if (!strncmp(line, "VmRSS:", 6)) kb = strtol(line + 6, NULL, 10);
    if (file) fclose(file);
    return kb;
}

int main(int argc, char **argv) {
    if (argc != 5) return 2;
    long times = atol(argv[2]), models = atol(argv[3]), limit = atol(argv[4]), before = 0;
    dt_model *model = NULL;
    if (dt_model_load(argv[1], NULL, &model)) return 3;
    float sound[640] = {0};
    for (long i = 0; i < times; ++i) {
        dt_session *session = NULL;
        if (dt_session_new(model, &session) || dt_stream_begin(session, NULL, NULL)) return 4;
        if (dt_stream_push(session, sound, 640, NULL, NULL) || dt_session_free(&session)) return 5;
        if (i == times / 10) before = resident_kb();
    }
    long sessions_grew = resident_kb() - before;
    for (long i = 0; i < models; ++i) {
        dt_model *one = NULL;
        dt_model_options options;
        dt_model_options_init(&options);
        options.threads = 2;
        if (dt_model_load(argv[1], &options, &one) || dt_model_free(&one)) return 6;
        if (i == models / 10) before = resident_kb();
    }
    long models_grew = resident_kb() - before;
    if (dt_model_free(&model)) return 7;
    printf("%ld sessions: %ld kB more; %ld models: %ld kB more\n", times, sessions_grew, models, models_grew);
    return sessions_grew > limit || models_grew > limit ? 8 : 0;
}

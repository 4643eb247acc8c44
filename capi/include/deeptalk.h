/* The C ABI of deeptalk-rt: speech in, a moving, feeling 3D face out.
 *
 * Made by cbindgen from capi/src; a test compares the two.
 *
 * Rules that hold for every function:
 * - It returns dt_status; DT_OK is 0. What went wrong is told by dt_last_error on the same thread.
 * - Nothing is written through an out parameter unless DT_OK (or DT_TOO_SMALL, for lengths) is returned.
 * - Arrays come with explicit lengths, counted in elements; a null array is allowed where its length is 0. Texts that come in are
 *   NUL-terminated UTF-8; texts that go out are copied into the caller's buffer.
 * - A handle belongs to the caller until its free function, which takes the handle's address and sets it to null: freeing twice through
 *   the same variable is DT_BAD_HANDLE. A copy of a handle that was freed must not be used.
 * - Handles of different models do not touch each other. There is no state outside handles but each thread's last error.
 * - Sound is mono, float, full scale = 1. Whole recordings are at 16 kHz. Frames come at 25 a second.
 */

#ifndef DEEPTALK_H
#define DEEPTALK_H

#include <stddef.h>
#include <stdint.h>

// Changes when programs must be changed or compiled anew.
#define DT_ABI_MAJOR 0

// Changes when something was added (while the major version is 0: or changed).
#define DT_ABI_MINOR 2

// The processor.
#define DT_DEVICE_CPU 0

// The GPU with the number `gpu`.
#define DT_DEVICE_CUDA 1

// The first GPU if it can be used, else the processor.
#define DT_DEVICE_AUTO 2

// The processor with products in bf16, where it has such (dt_has_feature "cpu-bf16"): faster, and half the memory.
#define DT_DEVICE_CPU_BF16 3

// How a function ended.
typedef enum dt_status {
  // Done.
  DT_OK = 0,
  // The system refused, or the work failed.
  DT_FAILED = 1,
  // Arguments that make no sense.
  DT_BAD_USE = 2,
  // A file that is missing, damaged or of the wrong kind.
  DT_BAD_INPUT = 3,
  // The device cannot be used.
  DT_NO_DEVICE = 4,
  // The progress callback asked to stop. The session can be used again.
  DT_CANCELLED = 5,
  // A null handle, or a handle of another kind.
  DT_BAD_HANDLE = 6,
  // The session is in use: by another thread, or by the call whose callback this is.
  DT_BUSY = 7,
  // The buffer is too small; the length that is needed was written where the function says.
  DT_TOO_SMALL = 8,
  // A defect of the library. Free the handles that took part.
  DT_DEFECT = 9,
} dt_status;

// A face, ready to turn motions into vertices: read-only.
typedef struct dt_face dt_face;

// A loaded model: read-only, shared by threads.
typedef struct dt_model dt_model;

// The motion of a whole recording: read-only.
typedef struct dt_motion dt_motion;

// One voice.
typedef struct dt_session dt_session;

// How a model is loaded.
typedef struct dt_model_options {
  // sizeof(dt_model_options): set by dt_model_options_init.
  size_t size;
  // DT_DEVICE_CPU (default), DT_DEVICE_CPU_BF16, DT_DEVICE_CUDA or DT_DEVICE_AUTO.
  uint32_t device;
  // The GPU's number, for DT_DEVICE_CUDA.
  uint32_t gpu;
  // Threads that the model works with; 0 (default): one for each processor core. They are the model's own and end with it.
  uint32_t threads;
} dt_model_options;

// One motion that is wanted.
typedef struct dt_take {
  // sizeof(dt_take): set by dt_take_init.
  size_t size;
  // Index of the identity.
  size_t actor;
  // An emotion to lend, `emotion_width` numbers: its mean, from dt_emotion, or any direction. Null (default): none.
  const float *emotion_mu;
  // Its log variance, as many numbers, from dt_emotion. Null: there is nothing to draw from it.
  const float *emotion_logvar;
  // The numbers of each.
  size_t emotion_width;
  // How much of it: from 0 (the recording's own) to 1 (default: this one).
  float emotion_share;
  // 1: the emotion is drawn from its distribution; 0 (default): its mean is taken.
  int32_t draws_emotion;
  // The uncertainty factor of that draw; default 1.
  float alpha;
  // The temperatures of the top and bottom codes; 0 (default) takes the likeliest.
  float temperature_top;
  // See above.
  float temperature_bottom;
  // The seed of all that is drawn.
  uint64_t seed;
} dt_take;

// How a stream is heard; times in seconds, rounded to frames of 1/25 s.
typedef struct dt_stream_options {
  // sizeof(dt_stream_options): set by dt_stream_options_init.
  size_t size;
  // Samples a second of what is pushed: 4,000 to 192,000.
  uint32_t rate;
  // Sound before a hop that the network hears again.
  float context;
  // Sound after a hop that it waits for.
  float look_ahead;
  // The time from one run of the network to the next.
  float hop;
  // The emotion is estimated anew this often.
  float emotion_every;
  // The sound that an estimate hears.
  float emotion_context;
  // The time constant with which the emotion moves to the newest estimate.
  float emotion_smoothing;
  // The RMS of a frame below which it is silence.
  float floor;
  // The time constant with which loudness is forgotten.
  float forget;
  // The face comes to rest after so much silence.
  float rest_after;
} dt_stream_options;

// Is told of every step: the stage that was finished ("frames" when frames are), frames done and frames in all. Anything but 0 stops the work, which then returns
// DT_CANCELLED.
//
// Thread rules: it is called on a thread of the model's while the caller waits, never twice at once for one call. It must return: no exception, no longjmp.
// Functions on the same session return DT_BUSY.
typedef int (*dt_progress)(void *user, const char *stage, size_t done, size_t total);

// A callback and what it is given.
typedef struct dt_control {
  // sizeof(dt_control).
  size_t size;
  // Null: nobody is told, nothing stops.
  dt_progress progress;
  // Passed to `progress` as it is.
  void *user;
} dt_control;

// What the last call of a session took, in seconds.
typedef struct dt_timings {
  // Words: samples to content features.
  double content;
  // Feeling: samples to the emotion's distribution.
  double emotion;
  // Content and emotion to codes.
  double codes;
  // Codes to motion.
  double motion;
  // The whole call.
  double total;
} dt_timings;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// What the last function of this thread that did not return DT_OK had to say, in whole sentences, copied into `buffer` and NUL-terminated; cut
// to `capacity` bytes. `*length`, unless null, becomes the length of the whole text without the NUL. A null `buffer` of capacity 0 asks for the length
// alone. Thread rules: any thread; each has its own last error.
enum dt_status dt_last_error(char *buffer,
                             size_t capacity,
                             size_t *length);

// The ABI of the library that is loaded, `major * 65536 + minor`: a program that was compiled with another major version (or, while that is 0,
// another minor version) should not go on. Thread rules: any thread.
uint32_t dt_abi_version(void);

// The version of deeptalk-rt, such as "0.1.0", which lives as long as the library. Thread rules: any thread.
const char *dt_version(void);

// Whether the library has a feature, in `*has` (1 or 0): "cpu", "cpu-bf16" (this processor has bf16 products),
// "stream", "face", "cuda" (GPU kernels are built in), "builtin-model". Features that are
// not known are not there. Thread rules: any thread.
enum dt_status dt_has_feature(const char *name,
                              int32_t *has);

// The defaults. Thread rules: any thread, one at a time for one structure.
enum dt_status dt_model_options_init(struct dt_model_options *options);

// Loads a model file, which stays memory-mapped: it must not be changed while the model lives. Null `options`: the defaults. Free it with dt_model_free.
// Thread rules: any thread.
enum dt_status dt_model_load(const char *path,
                             const struct dt_model_options *options,
                             struct dt_model **out);

// Loads a model of the bytes of a model file, which are copied. Thread rules: any thread.
enum dt_status dt_model_from_bytes(const uint8_t *bytes,
                                   size_t count,
                                   const struct dt_model_options *options,
                                   struct dt_model **out);

// Loads the built-in model; DT_BAD_USE where the library has none (dt_has_feature "builtin-model"). Thread rules: any thread.
enum dt_status dt_model_builtin(const struct dt_model_options *options,
                                struct dt_model **out);

// Frees a model and sets `*model` to null. Sessions and faces that were made of it keep what they need and may be freed later. Thread rules: any thread, but no
// other may use this handle at the same time or afterwards.
enum dt_status dt_model_free(struct dt_model **model);

// The values of a frame, in `*count`. Thread rules: any thread, any number at once.
enum dt_status dt_model_parameters(const struct dt_model *model, size_t *count);

// The name of a value of a frame: of `capacity` bytes, with its NUL. `*length`, unless null, becomes its length without the NUL, also on DT_TOO_SMALL.
// Thread rules: any thread, any number at once.
enum dt_status dt_model_parameter_name(const struct dt_model *model,
                                       size_t index,
                                       char *buffer,
                                       size_t capacity,
                                       size_t *length);

// The identities of the model, in `*count`. Thread rules: any thread, any number at once.
enum dt_status dt_model_actors(const struct dt_model *model, size_t *count);

// The name of an identity, as dt_model_parameter_name gives one. Thread rules: any thread, any number at once.
enum dt_status dt_model_actor_name(const struct dt_model *model,
                                   size_t index,
                                   char *buffer,
                                   size_t capacity,
                                   size_t *length);

// The width of an emotion vector, in `*width`. Thread rules: any thread, any number at once.
enum dt_status dt_model_emotion_width(const struct dt_model *model, size_t *width);

// Where the model runs ("cpu", "cuda:0 ..."), as dt_model_parameter_name gives a name. Thread rules: any thread, any number at once.
enum dt_status dt_model_device(const struct dt_model *model,
                               char *buffer,
                               size_t capacity,
                               size_t *length);

// The defaults: the recording's own emotion, nothing drawn. Thread rules: any thread, one at a time for one structure.
enum dt_status dt_take_init(struct dt_take *take);

// The defaults: 16 kHz, 4 s of context, 0.4 s of look-ahead, a hop of 0.2 s. Thread rules: any thread, one at a time for one structure.
enum dt_status dt_stream_options_init(struct dt_stream_options *options);

// Its frames and the values of a frame. Thread rules: any thread, any number at once.
enum dt_status dt_motion_shape(const struct dt_motion *motion, size_t *frames, size_t *parameters);

// Copies its values, row-major (frames, parameters), into `out`, which has room for `capacity` floats; DT_TOO_SMALL if that is less than all. Thread rules: any
// thread, any number at once.
enum dt_status dt_motion_values(const struct dt_motion *motion,
                                float *out,
                                size_t capacity);

// Writes it to a file, whole or not at all; the ending chooses the format: .npz, .npy, .csv or .json. Thread rules: any thread, any number at once.
enum dt_status dt_motion_write(const struct dt_motion *motion,
                               const char *path);

// Frees a motion and sets `*motion` to null. Thread rules: any thread, but no other may use this handle at the same time or afterwards.
enum dt_status dt_motion_free(struct dt_motion **motion);

// A new session on a model. Thread rules: any thread, any number at once; the model is shared.
enum dt_status dt_session_new(const struct dt_model *model, struct dt_session **out);

// Frees a session and sets `*session` to null; DT_BUSY while it works. Thread rules: any thread, but no other may use this handle afterwards.
enum dt_status dt_session_free(struct dt_session **session);

// The motion of a recording of `count` samples, mono at 16 kHz: ceil(count / 640) frames. Null `take`: the defaults; null `control`: nobody is told. Thread rules: one
// thread at a time for one session, else DT_BUSY.
enum dt_status dt_animate(struct dt_session *session,
                          const float *samples,
                          size_t count,
                          const struct dt_take *take,
                          const struct dt_control *control,
                          struct dt_motion **out);

// The motions of `recordings` recordings: `samples[i]` has `counts[i]` samples, `out[i]` becomes its motion. All or none. Short ones go through the network together.
// Thread rules: as dt_animate.
enum dt_status dt_animate_batch(struct dt_session *session,
                                const float *const *samples,
                                const size_t *counts,
                                size_t recordings,
                                const struct dt_take *take,
                                const struct dt_control *control,
                                struct dt_motion **out);

// The emotion of a recording, to lend to another: `width` numbers each (dt_model_emotion_width) of its mean and its log variance. Thread rules: as dt_animate.
enum dt_status dt_emotion(struct dt_session *session,
                          const float *samples,
                          size_t count,
                          float *mu,
                          float *logvar,
                          size_t width);

// What the session's last call took. Thread rules: as dt_animate.
enum dt_status dt_session_timings(struct dt_session *session, struct dt_timings *out);

// Begins a stream; what the session's old one still held is forgotten. Null: the defaults. Without it, the first push begins one with the defaults. Thread rules: one
// thread at a time for one session, else DT_BUSY.
enum dt_status dt_stream_begin(struct dt_session *session,
                               const struct dt_stream_options *options,
                               const struct dt_take *take);

// How far steady play is behind the sound with these options: look-ahead plus hop, in seconds. Thread rules: any thread.
enum dt_status dt_stream_delay(const struct dt_stream_options *options,
                               double *delay);

// Sound of the stream in pieces of any size; every hop that is due is computed before this returns. `*waiting`, unless null, becomes the number of frames that wait
// for dt_stream_poll. After DT_BAD_USE (a sample that is not finite, a finished stream, ten minutes of unpolled frames) nothing of the piece was taken; after
// DT_CANCELLED it was, and the next call goes on. Thread rules: as dt_stream_begin.
enum dt_status dt_stream_push(struct dt_session *session,
                              const float *samples,
                              size_t count,
                              const struct dt_control *control,
                              size_t *waiting);

// The end of the stream's sound: the frames that waited for look-ahead are computed. Thread rules: as dt_stream_begin.
enum dt_status dt_stream_finish(struct dt_session *session,
                                const struct dt_control *control,
                                size_t *waiting);

// Takes frames that are ready, oldest first, as many as `capacity` floats hold: row-major (frames, parameters) into `values`. `*first` becomes the number of the
// first, counted from the stream's beginning, `*frames` how many; 0 is no error. Thread rules: as dt_stream_begin.
enum dt_status dt_stream_poll(struct dt_session *session,
                              float *values,
                              size_t capacity,
                              size_t *first,
                              size_t *frames);

// Loads a face file; null `path`: the built-in head. With a `model` that is not null, that model's device makes the vertices, and the face must have the
// model's channels; without, the host. Thread rules: any thread.
enum dt_status dt_face_load(const char *path,
                            const struct dt_model *model,
                            struct dt_face **out);

// Frees a face and sets `*face` to null. Thread rules: any thread, but no other may use this handle at the same time or afterwards.
enum dt_status dt_face_free(struct dt_face **face);

// Its vertices and triangles. Thread rules: any thread, any number at once.
enum dt_status dt_face_shape(const struct dt_face *face, size_t *vertices, size_t *triangles);

// Copies its triangles, three indices each, counter-clockwise seen from outside; `capacity` counts indices. Thread rules: any thread, any number at once.
enum dt_status dt_face_triangles(const struct dt_face *face,
                                 uint32_t *out,
                                 size_t capacity);

// Vertices (frames, vertices, 3), in metres, of the rows (frames, parameters) of a motion or a stream. `count` counts floats of `rows`, `capacity` those of `out`.
// Thread rules: any thread, any number at once.
enum dt_status dt_face_vertices(const struct dt_face *face,
                                const float *rows,
                                size_t count,
                                float *out,
                                size_t capacity);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* DEEPTALK_H */

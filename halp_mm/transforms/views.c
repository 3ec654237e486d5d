/* Frames of clips mixed, and joints multiplied with matrices, in one pass over the result each, on
   one thread. Arrays are float32 and without gaps. Called by compiled_views.py. */

#include <stdint.h>
#include <string.h>

/* Mix two frames of a clip for each of the result.

   frames: [N, M, T, S].
   first:  [N, T'], positions in T.
   second: [N, T'], positions in T.
   share:  [N, T'], of the second frames.
   mixed:  [N, M, T', S], is written. */
void mix_frames(const float *frames, const int64_t *first, const int64_t *second,
                const float *share, float *mixed, int64_t clips, int64_t people, int64_t length,
                int64_t taken, int64_t size)
{
    for (int64_t person = 0; person < clips * people; person++) {
        const float *own = frames + person * length * size;
        for (int64_t frame = 0; frame < taken; frame++) {
            int64_t place = person / people * taken + frame;
            const float *restrict one = own + first[place] * size;
            const float *restrict other = own + second[place] * size;
            float *restrict result = mixed + (person * taken + frame) * size;
            /* From the nearer one, so that two that are equal stay as they are. */
            const float *restrict nearer = share[place] < 0.5f ? one : other;
            float step = share[place] < 0.5f ? share[place] : share[place] - 1.0f;
#pragma omp simd
            for (int64_t i = 0; i < size; i++)
                result[i] = nearer[i] + step * (other[i] - one[i]);
        }
    }
}

/* Multiply each joint of a row, of D coordinates, with its matrix: the row with the diagonals of
   all, which lead from one coordinate to another. Rows of whole vectors stand in `room`. */
static inline void map_row(const float *row, const float *diagonals, float *room, float *mapped,
                           int64_t size, int64_t padded, const int dimensions)
{
    float *restrict x = room + dimensions - 1, *restrict result = x + padded + dimensions - 1;
    memcpy(x, row, size * sizeof *row);
#pragma omp simd
    for (int64_t i = 0; i < padded; i++) {
        float sum = 0.0f;
        for (int step = 1 - dimensions; step < dimensions; step++)
            sum += x[i + step] * diagonals[(step + dimensions - 1) * padded + i];
        result[i] = sum;
    }
    memcpy(mapped, result, size * sizeof *row);
}

/* Multiply each joint, a row vector, with its clip's matrix for it.

   joints:   [N, R, V, D], D is 2 or 3.
   matrices: [N, V, D, D].
   mapped:   [N, R, V, D], is written.
   room:     (2 D + 1) (V D + 16 + D) zeros. */
void map_joints(const float *joints, const float *matrices, float *mapped, float *room,
                int64_t clips, int64_t rows, int64_t count, int64_t dimensions)
{
    int64_t size = count * dimensions, padded = (size + 15) / 16 * 16;
    float *diagonals = room + 2 * (padded + dimensions);
    for (int64_t clip = 0; clip < clips; clip++) {
        for (int64_t joint = 0; joint < count; joint++)
            for (int64_t from = 0; from < dimensions; from++)
                for (int64_t to = 0; to < dimensions; to++)
                    diagonals[(from - to + dimensions - 1) * padded + joint * dimensions + to] =
                        matrices[((clip * count + joint) * dimensions + from) * dimensions + to];
        for (int64_t row = clip * rows; row < (clip + 1) * rows; row++) {
            if (dimensions == 3)
                map_row(joints + row * size, diagonals, room, mapped + row * size, size, padded, 3);
            else
                map_row(joints + row * size, diagonals, room, mapped + row * size, size, padded, 2);
        }
    }
}

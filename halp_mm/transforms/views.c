/* Frames of clips mixed, and joints multiplied with matrices, in one pass over the result each, on
   one thread. Arrays are float32 and without gaps. Rows are written in whole vectors where there is
   room: the last one of a row begins the next, which is written next. Called by compiled_views.py. */

#include <stdint.h>
#include <string.h>

#define VECTOR 16

static inline int64_t in_vectors(int64_t size)
{
    return (size + VECTOR - 1) / VECTOR * VECTOR;
}

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
    const float *end = frames + clips * people * length * size;
    const float *mixed_end = mixed + clips * people * taken * size;
    const int64_t padded = in_vectors(size);
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
            int has_room = end - one >= padded && end - other >= padded;
            int64_t width = has_room && mixed_end - result >= padded ? padded : size;
#pragma omp simd
            for (int64_t i = 0; i < width; i++)
                result[i] = nearer[i] + step * (other[i] - one[i]);
        }
    }
}

/* Multiply each joint of a row, of D coordinates, with its matrix: the row with the diagonals of
   all, which lead from one coordinate to another. What lies D - 1 numbers before the row and after
   it is multiplied by zero. */
static inline void map_row(const float *restrict row, const float *restrict diagonals,
                           float *restrict mapped, int64_t padded, const int dimensions)
{
#pragma omp simd
    for (int64_t i = 0; i < padded; i++) {
        float sum = 0.0f;
        for (int step = 1 - dimensions; step < dimensions; step++)
            sum += row[i + step] * diagonals[(step + dimensions - 1) * padded + i];
        mapped[i] = sum;
    }
}

/* Multiply each joint, a row vector, with its clip's matrix for it.

   joints:   [N, R, V, D], D is 2 or 3.
   matrices: [N, V, D, D].
   mapped:   [N, R, V, D], is written.
   room:     (2 D + 1) (V D + 16 + D) zeros. */
void map_joints(const float *joints, const float *matrices, float *mapped, float *room,
                int64_t clips, int64_t rows, int64_t count, int64_t dimensions)
{
    const int64_t size = count * dimensions, padded = in_vectors(size);
    float *copy = room + dimensions - 1, *copy_mapped = copy + padded + dimensions - 1;
    float *diagonals = room + 2 * (padded + dimensions);
    for (int64_t clip = 0; clip < clips; clip++) {
        for (int64_t joint = 0; joint < count; joint++)
            for (int64_t from = 0; from < dimensions; from++)
                for (int64_t to = 0; to < dimensions; to++)
                    diagonals[(from - to + dimensions - 1) * padded + joint * dimensions + to] =
                        matrices[((clip * count + joint) * dimensions + from) * dimensions + to];
        for (int64_t row = clip * rows; row < (clip + 1) * rows; row++) {
            const float *own = joints + row * size;
            float *result = mapped + row * size;
            /* Around a clip's first row and its last ones lies what is not its own. */
            int64_t left = ((clip + 1) * rows - row) * size;
            int has_room = row > clip * rows && left >= padded + dimensions - 1;
            if (!has_room)
                own = memcpy(copy, own, size * sizeof *own);
            if (dimensions == 3)
                map_row(own, diagonals, has_room ? result : copy_mapped, padded, 3);
            else
                map_row(own, diagonals, has_room ? result : copy_mapped, padded, 2);
            if (!has_room)
                memcpy(result, copy_mapped, size * sizeof *result);
        }
    }
}

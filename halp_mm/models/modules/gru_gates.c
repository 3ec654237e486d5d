/* A frame of two GRU cells between the products by their weights, on one thread.

   Arrays are float32 and without gaps; gates are in the order reset, update, new. T frames, N clips,
   2 cells, H units. PyTorch's operators take several times as long, as each of them reads and writes
   memory again. Called by gru_gates.py. */

#include <stdint.h>
#include <string.h>

/* e^x to a relative error of 2e-7: 2^k times Cephes' polynomial of the rest. NaN stays NaN. */
static inline float exponential(float x)
{
    x = x > 87.0f ? 87.0f : x;
    x = x < -87.0f ? -87.0f : x;
    float k = __builtin_rintf(x * 1.44269504f);
    float rest = x - k * 0.693359375f + k * 2.12194440e-4f; /* ln 2 in two parts */
    float sum = 1.9875691500e-4f;
    sum = sum * rest + 1.3981999507e-3f;
    sum = sum * rest + 8.3334519073e-3f;
    sum = sum * rest + 4.1665795894e-2f;
    sum = sum * rest + 1.6666665459e-1f;
    sum = sum * rest + 5.0000001201e-1f;
    sum = sum * rest * rest + rest + 1.0f;
    int32_t bits = ((int32_t)k + 127) << 23;
    float power;
    memcpy(&power, &bits, sizeof power);
    return sum * power;
}

static inline float sigmoid(float x)
{
    return 1.0f / (1.0f + exponential(-x));
}

/* One cell's row of one clip: its gates from what they are given, and its next state. */
static inline void advance_row(float *restrict gates, const float *restrict shift,
                               const float *restrict new_shift, const float *restrict fed_back,
                               const float *restrict state, float *restrict next,
                               float *restrict new_back, int64_t size, const int keeps)
{
#pragma omp simd
    for (int64_t i = 0; i < size; i++) {
        float reset = sigmoid(gates[i] + shift[i] + fed_back[i]);
        float update = sigmoid(gates[size + i] + shift[size + i] + fed_back[size + i]);
        float back = fed_back[2 * size + i] + new_shift[i];
        float new = gates[2 * size + i] + shift[2 * size + i] + reset * back;
        new = 2.0f * sigmoid(2.0f * new) - 1.0f; /* its tanh */
        next[i] = new + update * (state[i] - new);
        if (keeps) {
            gates[i] = reset;
            gates[size + i] = update;
            gates[2 * size + i] = new;
            new_back[i] = back;
        }
    }
}

/* Advance both cells by a frame.

   gates:     [T, N, 2, 3, H], what the inputs give them; afterwards the gates, if they are kept.
   shift:     [2, 3, H], is added to it.
   new_shift: [2, H], is added to what new gates are fed back.
   fed_back:  [2, N, 3, H], the states before the frame, times their weights.
   states:    [1 + T, N, 2, H], those after it are written.
   new_back:  [T, N, 2, H], what new gates are fed back is kept for the gradient; null for none. */
void advance(float *gates, const float *shift, const float *new_shift, const float *fed_back,
             float *states, float *new_back, int64_t frame, int64_t clips, int64_t size)
{
    int64_t rows = frame * clips * 2;
    gates += 3 * rows * size;
    states += rows * size;
    if (new_back)
        new_back += rows * size;
    for (int64_t clip = 0; clip < clips; clip++) {
        for (int64_t cell = 0; cell < 2; cell++) {
            int64_t row = 2 * clip + cell;
            float *row_gates = gates + row * 3 * size;
            const float *row_shift = shift + cell * 3 * size;
            const float *row_new_shift = new_shift + cell * size;
            const float *row_back = fed_back + (cell * clips + clip) * 3 * size;
            const float *state = states + row * size;
            float *next = states + (2 * clips + row) * size;
            if (new_back)
                advance_row(row_gates, row_shift, row_new_shift, row_back, state, next,
                            new_back + row * size, size, 1);
            else
                advance_row(row_gates, row_shift, row_new_shift, row_back, state, next, 0, size, 0);
        }
    }
}

/* Go back by a frame, with the gradients of its states.

   gates:    [T, N, 2, 3, H], as kept.
   new_back: [T, N, 2, H], as kept.
   states:   [1 + T, N, 2, H].
   gradient: [T, N, 2, H], that of the states after each frame, but for what comes from later ones.
   through:  [2, N, H], what comes through the gates of the frame after this one.
   carried:  [N, 2, H], what comes past them; afterwards what goes on past this frame's.
   given:    [T, N, 2, 3, H], the frame's is written: the gradient of what the inputs give.
   fed_back: [N, 2, 3, H], is written: that of what the gates are fed back.
   new_fed:  [T, N, 2, H], the frame's is written: the last third of fed_back. */
void go_back(const float *gates, const float *new_back, const float *states, const float *gradient,
             const float *through, float *carried, float *given, float *fed_back, float *new_fed,
             int64_t frame, int64_t clips, int64_t size)
{
    int64_t rows = frame * clips * 2;
    gates += 3 * rows * size;
    given += 3 * rows * size;
    new_back += rows * size;
    states += rows * size;
    gradient += rows * size;
    new_fed += rows * size;
    for (int64_t clip = 0; clip < clips; clip++) {
        for (int64_t cell = 0; cell < 2; cell++) {
            int64_t row = 2 * clip + cell;
            const float *restrict gate = gates + row * 3 * size;
            const float *restrict back = new_back + row * size;
            const float *restrict state = states + row * size;
            const float *restrict direct = gradient + row * size;
            const float *restrict later = through + (cell * clips + clip) * size;
            float *restrict past = carried + row * size;
            float *restrict of_given = given + row * 3 * size;
            float *restrict of_back = fed_back + row * 3 * size;
            float *restrict of_new_back = new_fed + row * size;
#pragma omp simd
            for (int64_t i = 0; i < size; i++) {
                float reset = gate[i], update = gate[size + i], new = gate[2 * size + i];
                float of_state = direct[i] + past[i] + later[i];
                float of_new = of_state * (1.0f - update) * (1.0f - new * new);
                float of_update = of_state * (state[i] - new) * update * (1.0f - update);
                float of_reset = of_new * back[i] * reset * (1.0f - reset);
                past[i] = of_state * update;
                of_given[i] = of_back[i] = of_reset;
                of_given[size + i] = of_back[size + i] = of_update;
                of_given[2 * size + i] = of_new;
                of_back[2 * size + i] = of_new_back[i] = of_new * reset;
            }
        }
    }
}

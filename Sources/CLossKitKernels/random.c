#include "losskit_engine.h"

static uint64_t mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

double losskit_uniform(uint64_t seed, uint32_t stream, uint64_t row) {
  const uint64_t step = 0x9E3779B97F4A7C15u;
  const uint64_t start = mix(seed + step * ((uint64_t)stream + 1));
  return ((double)(mix(start + step * (row + 1)) >> 11) + 0.5) * 0x1p-53;
}

/* Numbers that depend only on their index, so that both sides of a comparison make the same ones, as inputs.py does. */
#ifndef BENCHMARK_INPUTS_H
#define BENCHMARK_INPUTS_H
#include <stdint.h>

static inline uint32_t mixed(uint32_t index, uint32_t stream) {
  uint32_t x = (index ^ (stream * 0x9E3779B9u)) * 0x85EBCA6Bu;
  x = (x ^ (x >> 13)) * 0xC2B2AE35u;
  x = (x ^ (x >> 16)) * 0x27D4EB2Fu;
  return x ^ (x >> 15);
}

/* Uniform in [low, low + width), with 24 random bits. */
static inline float uniform(uint32_t index, uint32_t stream, double low, double width) {
  return (float)(low + width * ((mixed(index, stream) >> 8) * 0x1p-24));
}
#endif

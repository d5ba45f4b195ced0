// How a cache row is kept: CACHE_F32, CACHE_F16 or CACHE_Q8_0 (blocks of 32: f16 scale, 32 x i8). CACHE_ACCESS: readonly or
// writeonly.
layout(set = 0, binding = 5, std430) CACHE_ACCESS buffer CacheFloats { float cache_floats[]; };
layout(set = 0, binding = 5, std430) CACHE_ACCESS buffer CacheShorts { uint16_t cache_shorts[]; };
layout(set = 0, binding = 5, std430) CACHE_ACCESS buffer CacheBytes { uint8_t cache_bytes[]; };

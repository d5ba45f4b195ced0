// All formats.
#pragma once
#include "quant/fp4.cuh"
#include "quant/iq1.cuh"
#include "quant/iq2.cuh"
#include "quant/iq3.cuh"
#include "quant/iq4.cuh"
#include "quant/k.cuh"
#include "quant/legacy.cuh"
#include "quant/plain.cuh"
#include "quant/ternary.cuh"

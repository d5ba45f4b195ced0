// What all compute shaders share: how parameters, weights, slots and the step block are addressed. GLSL 4.60 for Vulkan 1.2.
//
// A file NAME.comp is the kernel NAME. Its parameters are the call's arguments in order, without the buffers; a tensor is its address.
#version 460
#extension GL_GOOGLE_cpp_style_line_directive : require
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_EXT_shader_16bit_storage : require
#extension GL_EXT_shader_8bit_storage : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
#extension GL_KHR_shader_subgroup_arithmetic : require
#extension GL_KHR_shader_subgroup_basic : require

#define CAT2(a, b) a##b
#define CAT(a, b) CAT2(a, b)

// Numbers that a pipeline is made for. The host reads their names and ids from here.
layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint GROUP = 1; // work-items of a group
layout(constant_id = 2) const uint LANES = 1;
layout(constant_id = 3) const uint MATVEC_GROUP = 1;
layout(constant_id = 4) const uint GEMM_X = 1;
layout(constant_id = 5) const uint GEMM_Y = 1;
layout(constant_id = 6) const uint GEMM_TM = 1;
layout(constant_id = 7) const uint GEMM_TN = 1;
layout(constant_id = 8) const uint TILE = 1;
layout(constant_id = 9) const uint EXPERTS = 1;
layout(constant_id = 10) const uint KEY = 1;
layout(constant_id = 11) const uint VALUE = 1;
layout(constant_id = 12) const uint QUERY = 1;
layout(constant_id = 13) const uint HEADS = 1;
layout(constant_id = 14) const bool CACHE_F32 = false;
layout(constant_id = 15) const bool CACHE_F16 = false;
layout(constant_id = 16) const bool CACHE_Q8_0 = false;

// Fields end in semicolons.
#define PARAMETERS(fields) layout(set = 0, binding = 0, std140) uniform Parameters { fields }

// The arena is bound twice: for what a kernel reads, and for what it writes.
layout(set = 0, binding = 1, std430) readonly buffer ReadCells { float read_cells[]; };
layout(set = 0, binding = 1, std430) readonly buffer ReadWords { uint read_words[]; };
layout(set = 0, binding = 2, std430) writeonly buffer WrittenCells { float written_cells[]; };
layout(set = 0, binding = 2, std430) writeonly buffer WrittenWords { uint written_words[]; };
layout(set = 0, binding = 3, std430) readonly buffer StepBlock { uint step_block[]; };
layout(set = 0, binding = 4, std430) readonly buffer Constants { float constants[]; };
layout(set = 0, binding = 4, std430) readonly buffer WideConstants { uvec2 wide_constants[]; };

// A cell of the arena, by its number.
#define load(cell) read_cells[cell]
#define load_word(cell) read_words[cell]
#define store(cell, value) written_cells[cell] = (value)
#define store_word(cell, value) written_words[cell] = (value)

#define INFINITE uintBitsToFloat(0x7F800000u)

// A view: x its first cell, y cells from row to row, z columns of a group, w cells from group to group.
uint cell(uvec4 v, uint row, uint column) {
    return v.x + row * v.y + column / v.z * v.w + column % v.z;
}

// How many rows an op has in this step: x is the number in the step block that counts them, y rows for each of those.
uint row_count(uvec2 counted) {
    return step_block[counted.x] * counted.y;
}

// Where the arrays of the step block start (see Step): [0] token, position, sequence, output; [1] page, pages of a sequence, rows
// of a page.
#define WHERE uvec4 where[2];


#define cache_row(sequence, position)                                                                                          \
    (step_block[where[1].x + (sequence) * where[1].y + (position) / where[1].z] * where[1].z + (position) % where[1].z)

float silu(float x) {
    return x / (1 + exp(-x));
}

float half_to_float(uint bits) {
    return unpackHalf2x16(bits).x;
}

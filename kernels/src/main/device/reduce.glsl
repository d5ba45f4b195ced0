// Sums over the work-items of a group, for subgroups of any size. Uniform control flow.
shared float subgroup_sums[GROUP];

float group_sum(float x) {
    const float sum = subgroupAdd(x);
    if (subgroupElect()) {
        subgroup_sums[gl_SubgroupID] = sum;
    }
    barrier();
    float total = 0;
    for (uint s = 0; s < gl_NumSubgroups; s++) {
        total += subgroup_sums[s];
    }
    return total;
}

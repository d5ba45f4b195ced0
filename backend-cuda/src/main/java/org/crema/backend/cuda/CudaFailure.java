package org.crema.backend.cuda;

import static jcuda.driver.JCudaDriver.cuGetErrorName;
import static jcuda.driver.JCudaDriver.cuGetErrorString;

import java.util.Set;
import jcuda.driver.CUresult;

/** A call of the driver answered with an error. */
final class CudaFailure extends RuntimeException {
    private static final long serialVersionUID = 1L;
    /** After these the context answers every call with the same error. */
    private static final Set<Integer> STICKY = Set.of(CUresult.CUDA_ERROR_ILLEGAL_ADDRESS, CUresult.CUDA_ERROR_LAUNCH_TIMEOUT,
            CUresult.CUDA_ERROR_ASSERT, CUresult.CUDA_ERROR_HARDWARE_STACK_ERROR, CUresult.CUDA_ERROR_ILLEGAL_INSTRUCTION,
            CUresult.CUDA_ERROR_MISALIGNED_ADDRESS, CUresult.CUDA_ERROR_INVALID_ADDRESS_SPACE, CUresult.CUDA_ERROR_INVALID_PC,
            CUresult.CUDA_ERROR_LAUNCH_FAILED, CUresult.CUDA_ERROR_ECC_UNCORRECTABLE, CUresult.CUDA_ERROR_CONTEXT_IS_DESTROYED);

    private final int code;

    private CudaFailure(int code, String message) {
        super(message);
        this.code = code;
    }

    /**
     * Nothing if a call succeeded.
     *
     * @param what the call's name, for the message
     */
    static void check(int code, String what) {
        if (code != CUresult.CUDA_SUCCESS) {
            throw new CudaFailure(code, what + ": " + words(code) + (STICKY.contains(code)
                    ? "; the device is lost to this process: close it and open it again, and see the system's log"
                    : ""));
        }
    }

    /** Name and meaning of a result, in the driver's words. */
    static String words(int code) {
        String[] name = new String[1];
        String[] meaning = new String[1];
        boolean known = cuGetErrorName(code, name) == CUresult.CUDA_SUCCESS && cuGetErrorString(code,
                meaning) == CUresult.CUDA_SUCCESS;
        return known ? name[0] + " (" + code + "), " + meaning[0] : "error " + code;
    }

    /** A value of {@link CUresult}. */
    int code() {
        return code;
    }

    boolean outOfMemory() {
        return code == CUresult.CUDA_ERROR_OUT_OF_MEMORY;
    }
}

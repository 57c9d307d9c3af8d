# One call of nvcc: -DNVCC -DSOURCE -DOBJECT -DROOT. -fmad=false: as -ffp-contract=off for the C++ compiler, see
# docs/decisions/0001-numerics.md.
get_filename_component(folder ${OBJECT} DIRECTORY)
file(MAKE_DIRECTORY ${folder})
execute_process(
  COMMAND ${NVCC} -std=c++20 -O3 -fmad=false -Werror all-warnings -I${ROOT} -MD -MF ${OBJECT}.d
          -gencode arch=compute_80,code=sm_80 -gencode arch=compute_89,code=sm_89
          -gencode arch=compute_90,code=[sm_90,compute_90]
          --resource-usage -c ${SOURCE} -o ${OBJECT}
  RESULT_VARIABLE status OUTPUT_VARIABLE text ERROR_VARIABLE text)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "${text}")
endif()
string(REGEX REPLACE "[.]o$" ".usage" usage ${OBJECT})
file(WRITE ${usage} "${text}")

# Looks for nvcc 12.8 or newer and says what was found. SLUICE_CUDA=ON: kernels/cuda is also compiled by nvcc, for
# sm_80, sm_89 and sm_90, and held to kernels/cuda/budgets.json. OFF: the simulated device alone. Without a choice
# it is on where nvcc is.
set(SLUICE_NVCC_LEAST 12.8)
set(nvcc_found "no nvcc")
set(nvcc_fits OFF)
find_program(SLUICE_NVCC nvcc HINTS ENV CUDA_HOME PATH_SUFFIXES bin)
if(SLUICE_NVCC)
  execute_process(COMMAND ${SLUICE_NVCC} --version OUTPUT_VARIABLE nvcc_text ERROR_QUIET)
  string(REGEX MATCH "V([0-9]+[.][0-9.]+)" _ "${nvcc_text}")
  set(nvcc_found "${SLUICE_NVCC} of unknown version")
  if(CMAKE_MATCH_1)
    set(nvcc_found "nvcc ${CMAKE_MATCH_1} (${SLUICE_NVCC})")
    if(CMAKE_MATCH_1 VERSION_GREATER_EQUAL SLUICE_NVCC_LEAST)
      set(nvcc_fits ON)
    endif()
  endif()
endif()

option(SLUICE_CUDA "Compile the CUDA kernels with nvcc" ${nvcc_fits})
if(SLUICE_CUDA AND NOT nvcc_fits)
  message(FATAL_ERROR "SLUICE_CUDA=ON asks for nvcc ${SLUICE_NVCC_LEAST} or newer; found: ${nvcc_found}")
endif()
if(SLUICE_CUDA)
  message(STATUS "CUDA: ${nvcc_found}; kernels run in simulation and are compiled for sm_80, sm_89, sm_90")
else()
  message(STATUS "CUDA: ${nvcc_found}; kernels run in simulation only")
endif()

# sluice_nvcc(TARGET file.cu ...): compiles each for all architectures, without warnings. Beside the object lies
# what ptxas says of registers and memory, FILE.usage, for tools/cuda_budgets.py.
function(sluice_nvcc target)
  set(outputs)
  foreach(source ${ARGN})
    get_filename_component(name ${source} NAME_WE)
    set(object ${CMAKE_CURRENT_BINARY_DIR}/nvcc/${name}.o)
    add_custom_command(OUTPUT ${object}
      COMMAND ${CMAKE_COMMAND} -DNVCC=${SLUICE_NVCC} -DSOURCE=${CMAKE_CURRENT_SOURCE_DIR}/${source}
              -DOBJECT=${object} -DROOT=${PROJECT_SOURCE_DIR} -P ${PROJECT_SOURCE_DIR}/cmake/run_nvcc.cmake
      DEPENDS ${source} ${PROJECT_SOURCE_DIR}/cmake/run_nvcc.cmake
      DEPFILE ${object}.d
      COMMENT "nvcc ${source}")
    list(APPEND outputs ${object})
  endforeach()
  add_custom_target(${target} ALL DEPENDS ${outputs})
endfunction()

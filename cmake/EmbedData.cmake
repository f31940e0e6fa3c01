# Turns core/data/*.json into C++ tables at build time.
# Every data file is a JSON array with one row a line, each row beginning with its "id".

# vram_embed(<generated .cpp> <script> <data file>...): runs cmake/<script> whenever script or data change.
function(vram_embed output script)
  list(TRANSFORM ARGN PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/data/ OUTPUT_VARIABLE inputs)
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DOUTPUT=${output} "-DINPUTS=${inputs}" -DCATALOGUE=${VRAM_CATALOGUE}
            -P ${PROJECT_SOURCE_DIR}/cmake/${script}
    DEPENDS ${inputs} ${PROJECT_SOURCE_DIR}/cmake/${script}
    VERBATIM)
endfunction()

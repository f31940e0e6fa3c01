# Installed libraries only: nothing is downloaded and nothing is vendored.
if(EMSCRIPTEN)
  # The system's nlohmann/json is header-only. Adding /usr/include to a wasm build would drag the host's libc headers in,
  # so the build tree gets a folder that holds one link and nothing else.
  find_path(VRAM_JSON_INCLUDE nlohmann/json.hpp PATHS /usr/include /usr/local/include /opt/homebrew/include
            REQUIRED NO_CMAKE_FIND_ROOT_PATH)
  file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/include)
  file(CREATE_LINK ${VRAM_JSON_INCLUDE}/nlohmann ${CMAKE_BINARY_DIR}/include/nlohmann SYMBOLIC)
  add_library(vram_json INTERFACE)
  target_include_directories(vram_json SYSTEM INTERFACE ${CMAKE_BINARY_DIR}/include)
else()
  find_package(nlohmann_json 3.11 REQUIRED)
  add_library(vram_json INTERFACE)
  target_link_libraries(vram_json INTERFACE nlohmann_json::nlohmann_json)
  if(VRAM_CLI)
    find_package(CLI11 2.1 REQUIRED)
    find_package(CURL 7.85 REQUIRED)
  endif()
endif()

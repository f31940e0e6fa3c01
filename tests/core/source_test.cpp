// What people paste as the place of a model, and what to read of what a host lists.
#include "vram/source.hpp"
#include "catch.hpp"

using vram::ListedFile;
using vram::Location;

namespace {

Location found(std::string_view text) {
  const auto location = vram::locate(text, {});
  INFO(text);
  REQUIRE(location.ok());
  return *location;
}

std::string refusal(std::string_view text) {
  const auto location = vram::locate(text, {});
  INFO(text);
  REQUIRE_FALSE(location.ok());
  REQUIRE(location.error().path == "/text");
  REQUIRE_FALSE(location.error().expected.empty());
  return location.error().message;
}

}  // namespace

TEST_CASE("a repository is found in every form people paste") {
  for (const char* text :
       {"org/name-GGUF", " org/name-GGUF\n", "`org/name-GGUF`", "https://huggingface.co/org/name-GGUF",
        "http://huggingface.co/org/name-GGUF/", "huggingface.co/org/name-GGUF", "hf.co/org/name-GGUF",
        "https://www.huggingface.co/org/name-GGUF#usage", "https://huggingface.co/org/name-GGUF/tree/main",
        "https://huggingface.co/org/name-GGUF/discussions/3", "hf://org/name-GGUF",
        "https://huggingface.co/api/models/org/name-GGUF", "git clone https://huggingface.co/org/name-GGUF",
        "vllm serve org/name-GGUF --max-model-len 4096", "hf download org/name-GGUF",
        "huggingface-cli download org/name-GGUF --local-dir .", "ollama run hf.co/org/name-GGUF",
        "llama-server -hf org/name-GGUF -c 8192", "$ llama-cli --hf-repo org/name-GGUF"}) {
    const Location location = found(text);
    INFO(text);
    CHECK(location.host == Location::Host::hugging_face);
    CHECK(location.repository == "org/name-GGUF");
    CHECK(location.revision == "main");
    CHECK(location.path.empty());
    CHECK(location.folder);
    CHECK(location.list_url == "https://huggingface.co/api/models/org/name-GGUF/tree/main?recursive=true");
  }
}

TEST_CASE("a file, a folder, a revision and a quantization are kept") {
  for (const char* text :
       {"https://huggingface.co/org/name/blob/main/sub/a%20b.gguf",
        "https://huggingface.co/org/name/resolve/main/sub/a%20b.gguf?download=true",
        "https://huggingface.co/org/name/raw/main/sub/a%20b.gguf", "hf.co/org/name/blob/main/sub/a%20b.gguf#L1",
        "https://huggingface.co/org/name?show_file_info=sub%2Fa%20b.gguf"}) {
    const Location location = found(text);
    INFO(text);
    CHECK(location.path == "sub/a b.gguf");
    CHECK_FALSE(location.folder);
    CHECK(vram::url_of(location, location.path) == "https://huggingface.co/org/name/resolve/main/sub/a%20b.gguf");
  }
  CHECK(found("org/name/sub/file.gguf").path == "sub/file.gguf");
  CHECK(found("https://huggingface.co/org/name/tree/main/sub").folder);
  CHECK(found("https://huggingface.co/org/name/tree/main/sub").path == "sub");
  CHECK(found("hf.co/org/name:Q4_K_M").quantization == "Q4_K_M");
  CHECK(found("ollama run hf.co/org/name:UD-Q4_K_XL").quantization == "UD-Q4_K_XL");
  CHECK(found("hf://org/name@v1.0/model.safetensors").revision == "v1.0");
  CHECK(found("hf download org/name model.gguf").path == "model.gguf");
  CHECK(found("llama-cli -hfr org/name -hff b/c.gguf").path == "b/c.gguf");
  const Location pull = found("https://huggingface.co/org/name/blob/refs%2Fpr%2F1/x.gguf");
  CHECK(pull.revision == "refs/pr/1");
  CHECK(pull.base_url == "https://huggingface.co/org/name/resolve/refs%2Fpr%2F1/");
  CHECK(found("https://huggingface.co/gpt2").repository == "gpt2");
}

TEST_CASE("other hosts, mirrors and any address") {
  const Location scope = found("https://modelscope.cn/models/Qwen/Qwen3-8B-GGUF/file/view/master/q4.gguf?status=1");
  CHECK(scope.host == Location::Host::modelscope);
  CHECK(vram::url_of(scope, scope.path) ==
        "https://www.modelscope.cn/models/Qwen/Qwen3-8B-GGUF/resolve/master/q4.gguf");
  const Location library = found("ollama run llama3.1:8b");
  CHECK(library.host == Location::Host::ollama);
  CHECK(library.list_url == "https://registry.ollama.ai/v2/library/llama3.1/manifests/8b");
  CHECK(found("https://ollama.com/library/qwen3").revision == "latest");
  CHECK(found("https://hf-mirror.com/org/name").base_url == "https://hf-mirror.com/org/name/resolve/main/");
  const Location web = found("https://example.com/a/b.gguf?sig=1#x");
  CHECK(web.host == Location::Host::web);
  CHECK(vram::url_of(web, web.path) == "https://example.com/a/b.gguf?sig=1");
  vram::Endpoints own;
  own.hugging_face = "http://127.0.0.1:8000/hf";
  CHECK(vram::locate("org/name", own)->list_url ==
        "http://127.0.0.1:8000/hf/api/models/org/name/tree/main?recursive=true");
}

TEST_CASE("what names no model is refused in words") {
  CHECK(refusal("https://huggingface.co/datasets/a/b") == "this is a page of datasets, not of a model");
  for (const char* text : {"", "  ", "gpt2", "../../etc/passwd", "file:///etc/passwd", "javascript:alert(1)",
                           "https://huggingface.co/", "org/name/a/../b.gguf", "https://huggingface.co/a/b/blob/../x",
                           "org/na%00me", "ollama run", "data:text/html,x/y"}) {
    CHECK_FALSE(refusal(text).empty());
  }
  CHECK_FALSE(refusal(std::string(3000, 'a')).empty());
  CHECK_FALSE(refusal(std::string("org/na\xff\x01me")).empty());
}

TEST_CASE("split GGUFs are one choice, projectors stand apart, a quantization chooses") {
  const Location location = found("hf.co/org/name:q8_0");
  const auto choices = vram::choices_among({{"README.md", 10},
                                            {"m-Q8_0-00002-of-00002.gguf", 30},
                                            {"m-Q8_0-00001-of-00002.gguf", 40},
                                            {"m-Q4_K_M.gguf", 40},
                                            {"m-UD-Q4_K_M.gguf", 41},
                                            {"mmproj-F16.gguf", 5}},
                                           location);
  REQUIRE(choices.size() == 4);
  CHECK(choices[0].name == "Q4_K_M");
  CHECK(choices[1].name == "UD-Q4_K_M");
  CHECK(choices[2].name == "Q8_0");
  CHECK(choices[2].bytes == 70);
  CHECK(choices[2].files[0].path == "m-Q8_0-00001-of-00002.gguf");
  CHECK(choices[3].kind == "mmproj");
  CHECK(vram::chosen_by(location, choices) == 2);
  CHECK(vram::chosen_by(found("org/name"), choices) == -1);
  CHECK(vram::chosen_by(found("org/name/m-Q8_0-00001-of-00002.gguf"), choices) == 2);
}

TEST_CASE("safetensors are chosen before their twins, pipelines are whole") {
  const auto model = vram::choices_among({{"config.json", 1},
                                          {"model-00001-of-00002.safetensors", 50},
                                          {"model-00002-of-00002.safetensors", 50},
                                          {"model.safetensors.index.json", 2},
                                          {"consolidated.safetensors", 100},
                                          {"pytorch_model.bin", 100}},
                                         found("org/name"));
  REQUIRE(model.size() == 1);
  CHECK(model[0].kind == "safetensors");
  CHECK(model[0].bytes == 100);
  CHECK(model[0].files.size() == 4);
  CHECK(vram::chosen_by(found("org/name"), model) == 0);
  const auto pipeline = vram::choices_among({{"model_index.json", 1},
                                             {"unet/config.json", 1},
                                             {"unet/diffusion_pytorch_model.safetensors", 30},
                                             {"unet/diffusion_pytorch_model.fp16.safetensors", 15},
                                             {"vae/diffusion_pytorch_model.bin", 5},
                                             {"sd.safetensors", 40}},
                                            found("org/name"));
  REQUIRE(pipeline.size() == 2);
  CHECK(pipeline[0].kind == "safetensors");
  CHECK(pipeline[1].kind == "diffusers");
  CHECK(pipeline[1].bytes == 35);
}

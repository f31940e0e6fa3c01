// Families whose blocks are no variation of a Llama block have a reader of their own.
#pragma once

namespace vram::read {

struct Reading;

void read_nas(Reading& reading);         // Nemotron NAS (DeciLM): every block has its own width
void read_nemotron_h(Reading& reading);  // one mixer a layer
void read_gemma3n(Reading& reading);
void read_gemma4(Reading& reading);
void read_deepseek_v4(Reading& reading);
void read_rwkv5(Reading& reading);
void read_bert(Reading& reading);
void read_whisper(Reading& reading);
void read_bart(Reading& reading);

// Adds the vision and audio towers and projectors of a multimodal model.
void read_towers(Reading& reading);

}  // namespace vram::read

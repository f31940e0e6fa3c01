// accelerate 1.10 utils/modeling.py: get_max_memory, get_balanced_memory, infer_auto_device_map. Whole layers in order;
// the first GPU keeps room for the largest layer, every GPU but the last takes at most an even share and a quarter more
// than the largest layer. What no GPU has room for goes to the CPU and then to disk, when those are allowed.
#include "llm/engines/transformers_placement.hpp"

#include <algorithm>
#include <cmath>

#include "llm/parts.hpp"

namespace vram {
namespace {

struct Modules {
  std::vector<Bytes> layers;
  Bytes first = 0;  // embeddings
  Bytes last = 0;   // last norm and head
  Bytes largest = 0;
  Bytes total = 0;
};

Modules modules_of(const Model& model, const WeightFormat& format) {
  const auto count = model.layers.size();
  Modules m;
  m.layers.resize(count);
  Bytes opaque = 0;
  for (const Tensor& tensor : model.tensors) {
    if (tensor.part != Part::text) continue;
    const Bytes bytes = stored_bytes(format, model, tensor);
    if (tensor.layer >= 0 && static_cast<std::size_t>(tensor.layer) < count) {
      Bytes& layer = m.layers[static_cast<std::size_t>(tensor.layer)];
      layer = add(layer, bytes);
    } else if (tensor.role == Role::opaque) {
      opaque = add(opaque, bytes);
    } else if (tensor.role == Role::output || tensor.role == Role::output_norm) {
      m.last = add(m.last, bytes);
    } else {
      m.first = add(m.first, bytes);
    }
  }
  // A model known only by its size: every layer the same.
  const auto layers = static_cast<Bytes>(count);
  for (std::size_t i = 0; i < count && opaque > 0; ++i) {
    m.layers[i] = add(m.layers[i], opaque / layers + (static_cast<Bytes>(i) < opaque % layers ? 1 : 0));
  }
  m.total = add(m.first, m.last);
  for (const Bytes bytes : m.layers) {
    m.total = add(m.total, bytes);
    m.largest = std::max(m.largest, bytes);
  }
  return m;
}

Bytes from_gib(double gib) { return static_cast<Bytes>(std::llround(gib * static_cast<double>(kGiB))); }

// Room for weights on each GPU, as get_max_memory and get_balanced_memory have it.
std::vector<Bytes> budgets(const LlmRequest& request, const TransformersOptions& options, const Modules& modules) {
  using Map = TransformersOptions::DeviceMap;
  const int count = request.machine.count;
  const bool asked = options.max_memory_gib > 0;
  const bool bounded = asked || (options.cpu_memory_gib > 0 && request.machine.gpu.memory_bytes > 0);
  std::vector<Bytes> room(static_cast<std::size_t>(count), kMaxBytes);
  for (int g = 0; g < count && bounded; ++g) {
    const Bytes free = add(request.machine.gpu.memory_bytes,
                           -add(request.profile.runtime_context, display_bytes(request.profile, g).expected));
    room[static_cast<std::size_t>(g)] = asked ? from_gib(options.max_memory_gib) : std::max<Bytes>(0, free);
  }
  if (options.device_map == Map::sequential) return room;
  if (count == 1) {
    if (bounded && !asked) room[0] = room[0] / 10 * 9;
    return room;
  }
  const bool low_zero = options.device_map == Map::balanced_low_0;
  const Bytes share = add(modules.total / (low_zero ? count - 1 : count), add(modules.largest, modules.largest / 4));
  for (int g = low_zero ? 1 : 0; g + 1 < count; ++g) {
    Bytes& here = room[static_cast<std::size_t>(g)];
    here = std::min(here, share);
  }
  if (low_zero) {
    Bytes others = 0;
    for (std::size_t g = 1; g < room.size(); ++g) others = add(others, room[g]);
    room[0] = std::min(room[0], std::max<Bytes>(0, add(modules.total, -others)));
  }
  return room;
}

}  // namespace

Placement place_layers(const LlmRequest& request, const WeightFormat& format, const TransformersOptions& options) {
  const Modules modules = modules_of(*request.model, format);
  const std::vector<Bytes> room = budgets(request, options, modules);
  const auto gpus = room.size();
  const bool host = options.cpu_memory_gib > 0;
  Bytes host_room = from_gib(options.cpu_memory_gib);
  Placement placement;
  placement.weights.resize(gpus);
  std::size_t at = 0;
  const auto put = [&](Bytes bytes, bool whole_layer) -> Device {
    while (at < gpus) {
      // The main GPU keeps room for the largest layer that may have to visit it.
      const bool reserves =
          at == 0 && (gpus > 1 || host) && options.device_map != TransformersOptions::DeviceMap::balanced_low_0;
      const Bytes free = add(room[at], reserves ? -modules.largest : 0);
      const bool last = at + 1 == gpus && !host;
      const bool empty = placement.weights[at] == 0 && at + 1 < gpus && !host && options.max_memory_gib <= 0 &&
                         whole_layer && options.device_map != TransformersOptions::DeviceMap::balanced_low_0;
      if (last || empty || add(placement.weights[at], bytes) <= free) {
        placement.weights[at] = add(placement.weights[at], bytes);
        return gpu(static_cast<int>(at));
      }
      ++at;
    }
    placement.largest_offloaded = std::max(placement.largest_offloaded, bytes);
    if (bytes <= host_room || !options.offload_to_disk) {
      host_room = add(host_room, -bytes);
      placement.on_host = add(placement.on_host, bytes);
      return kHost;
    }
    placement.on_disk = add(placement.on_disk, bytes);
    return kDisk;
  };
  put(modules.first, false);
  for (const Bytes bytes : modules.layers) {
    const Device device = put(bytes, true);
    placement.device_of_layer.push_back(device);
    // What lies in RAM or on disk runs on the main GPU.
    placement.gpu_of_layer.push_back(device.type == Device::Type::gpu ? device.index : 0);
  }
  placement.head = put(modules.last, false);
  const std::size_t used = std::min(at + 1, gpus);
  placement.weights.resize(std::max<std::size_t>(1, used));
  return placement;
}

}  // namespace vram

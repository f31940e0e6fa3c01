// What a browser can say about the GPU, and which catalogue rows that could be. No browser tells how much memory a GPU
// has: a model name or a PCI id is looked up in the catalogue, and the person decides.
// Strings and their meaning: ANGLE Context.cpp and Renderer11.cpp, Firefox SanitizeRenderer.cpp, Dawn gpu_info.json.

import { t } from './i18n.js';

// Asks WebGPU and WebGL. Nothing is kept, nothing is sent. Missing pieces are null.
export async function probe() {
  const [webgpu, webgl] = [await askWebGpu().catch(() => null), safely(askWebGl)];
  return { webgpu, webgl, deviceMemory: navigator.deviceMemory ?? null };
}

function safely(ask) {
  try {
    return ask();
  } catch {
    return null; // blocked by an extension, a policy or an embedding page
  }
}

async function askWebGpu() {
  const adapter = await navigator.gpu?.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) return null;
  const info = adapter.info ?? {};
  return {
    vendor: info.vendor ?? '',
    architecture: info.architecture ?? '',
    device: info.device ?? '',
    description: info.description ?? '',
    fallback: Boolean(info.isFallbackAdapter ?? adapter.isFallbackAdapter),
    maxBufferSize: adapter.limits?.maxBufferSize ?? 0,
  };
}

function askWebGl() {
  const canvas = document.createElement('canvas');
  const gl = canvas.getContext('webgl', { powerPreference: 'high-performance' });
  if (!gl) return null;
  const extension = gl.getExtension('WEBGL_debug_renderer_info');
  const renderer = String(gl.getParameter(extension?.UNMASKED_RENDERER_WEBGL ?? gl.RENDERER) ?? '');
  gl.getExtension('WEBGL_lose_context')?.loseContext();
  return { renderer };
}

const software = /swiftshader|llvmpipe|softpipe|lavapipe|microsoft basic render|\bwarp\b/i;
const softwareArchitectures = new Set(['swiftshader', 'warp', 'software']);

// Lower-case words that name a product, without what drivers and ANGLE put around it.
function bareName(text) {
  return text
    .toLowerCase()
    .replace(/^angle \(([^,]*),\s*/, '')
    .replace(/\((tm|r|c)\)|[™®]/g, ' ')
    .replace(/\((0x[0-9a-f]+)\)/g, ' ')
    .replace(/angle metal renderer:|direct3d.*$|d3d1[12].*$|opengl.*$|vulkan [\d.]+|\/pcie.*$|\/sse2.*$|,\s*or similar.*$/g, ' ')
    .replace(/[()[\],:]/g, ' ')
    .replace(/\b(nvidia|amd|ati|intel|apple inc|google inc|corporation|geforce|graphics|gpu)\b/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
}

// The row's name without vendor and without a memory size: "RTX 4060 Ti 16GB" → "rtx 4060 ti".
const bareRow = (row) => bareName(row.name).replace(/\b\d+ ?g(i)?b\b/g, ' ').replace(/\s+/g, ' ').trim();

const hex = (id) => String(id).toLowerCase().replace(/^.*:/, '').replace(/^0x/, '').replace(/^0+(?=....)/, '');
const pciIds = (row) => (row.pci_ids ?? []).map(hex);

function vendorOf(text) {
  if (/nvidia|geforce|quadro|tesla/i.test(text)) return 'nvidia';
  if (/\bamd\b|\bati\b|radeon/i.test(text)) return 'amd';
  if (/apple/i.test(text)) return 'apple';
  if (/intel/i.test(text)) return 'intel';
  return '';
}

// Catalogue rows this could be, best first: {found: [{row, reason, confidence}], says, note}.
// confidence is "likely" (one product, by PCI id or full name), "possible" (several share the signal) or "hint" (a
// generation only). `says` is what the browser said, for the person to judge.
export function candidates(seen, rows) {
  const renderer = seen.webgl?.renderer ?? '';
  const adapter = seen.webgpu;
  const says = [renderer && `WebGL: ${renderer}`, adapter && `WebGPU: ${[adapter.vendor, adapter.architecture, adapter.device, adapter.description].filter(Boolean).join(' ') || t('detect-unnamed')}`]
    .filter(Boolean)
    .join(' · ');
  const result = (found, note) => ({ found, says, note });
  // What a browser calls device memory is the system's, rounded down and capped: a floor for memory shared with the GPU.
  const possible = (list) => {
    const enough = list.filter(({ unified, ram_gb: ram }) => !unified || !ram || !seen.deviceMemory || ram >= seen.deviceMemory);
    return enough.length ? enough : list;
  };

  const adapterIsSoftware = adapter && (adapter.fallback || softwareArchitectures.has(adapter.architecture) || software.test(adapter.description));
  if ((software.test(renderer) || !renderer) && (!adapter || adapterIsSoftware)) {
    return result([], renderer || adapter ? t('detect-software') : t('detect-nothing'));
  }

  const vendor = vendorOf(renderer) || adapter?.vendor || '';
  const ofVendor = rows.filter((row) => !vendor || row.vendor === vendor);

  const bucket = /or similar|^mozilla$/i.test(renderer);
  if (!bucket) {
    const id = /\(0x0*([0-9a-f]{4,8})\)/i.exec(renderer)?.[1] ?? /^0x([0-9a-f]{4,8})$/i.exec(adapter?.device ?? '')?.[1];
    const byId = id ? ofVendor.filter((row) => pciIds(row).includes(hex(id))) : [];
    if (byId.length) {
      const reason = t('detect-reason-id', { id: hex(id) });
      return result(byId.map((row) => ({ row, reason, confidence: byId.length === 1 ? 'likely' : 'possible' })), byId.length > 1 ? t('detect-shared-id') : '');
    }

    const name = ` ${bareName(`${renderer} ${adapter?.description ?? ''}`)} `;
    const named = ofVendor.map((row) => ({ row, bare: bareRow(row) })).filter(({ bare }) => bare && name.includes(` ${bare} `));
    const longest = Math.max(0, ...named.map(({ bare }) => bare.length));
    const best = possible(named.filter(({ bare }) => bare.length === longest).map(({ row, bare }) => ({ ...row, row, bare })));
    if (best.length) {
      const one = best.length === 1;
      const note = one ? '' : vendor === 'apple' ? t('detect-which-memory') : t('detect-several-sizes');
      return result(best.map(({ row }) => ({ row, reason: t('detect-reason-name', { name: best[0].bare }), confidence: one ? 'likely' : 'possible' })), note);
    }
  }

  if (adapter && !adapterIsSoftware && adapter.architecture) {
    const sameGeneration = ofVendor.filter((row) => row.webgpu_architecture && row.webgpu_architecture === adapter.architecture);
    if (sameGeneration.length) {
      const reason = t('detect-reason-architecture', { name: adapter.architecture });
      return result(sameGeneration.slice(0, 8).map((row) => ({ row, reason, confidence: 'hint' })), t('detect-generation', { count: sameGeneration.length }));
    }
  }
  if (bucket) return result([], t('detect-hides'));
  if (vendor === 'apple') return result([], t('detect-apple'));
  return result([], t(vendor ? 'detect-vendor-only' : 'detect-not-known'));
}

// The main paths in Firefox and in WebKitGTK (Safari's engine), where they are installed: the numbers are the engine's.
import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';
import { root, start } from './browser.mjs';
import { firefox, webkit } from './drivers.mjs';

const { call, load } = await import(path.resolve(root, process.env.VRAM_ENGINE ?? 'build/wasm/dist', 'node.js'));
await load();

const wait = 'const until = async (check) => { for (let i = 0; i < 300; i++) { const value = check(); if (value) return value; await new Promise((resolve) => setTimeout(resolve, 100)); } throw new Error(`never: ${check}`); };';
const type = 'const type = (selector, value) => { const field = document.querySelector(selector); field.value = value; field.dispatchEvent(new Event("input", { bubbles: true })); field.dispatchEvent(new Event("change", { bubbles: true })); };';
const shown = `${wait} (await until(() => document.querySelector('.result:not(.partial) details.json'))).open = true; const json = async (check) => { const text = await until(() => { const pre = document.querySelector('#json'); return pre && check(JSON.parse(pre.textContent)) && pre.textContent; }); return JSON.parse(text); };`;

for (const open of [firefox, webkit]) {
  test(`${open.name}: link, typing, Back, language, charts, formulas`, { timeout: 180000 }, async (t) => {
    const browser = await open();
    if (!browser) return t.skip(`${open.name} is not installed`);
    const server = await start();
    try {
      await browser.goto(`${server.url}#v=1&m=qwen3-8b&w=q5_k_m&c=16384&e=llama.cpp&g=rtx-3090`);
      const first = await browser.run(`${shown} await until(() => document.querySelector('.result:not(.partial) vram-verdict .verdict')); return json(({ request }) => request.context === 16384 && request.also.length);`);
      assert.deepEqual(first.response, call(first.request));
      const typed = await browser.run(`${shown} ${type} type('#context', '4096'); return json(({ request }) => request.context === 4096);`);
      assert.deepEqual(typed.response, call(typed.request));
      const back = await browser.run(`${shown} await until(() => location.hash.includes('c=4096')); history.back(); return json(({ request }) => request.context === 16384);`);
      assert.equal(back.request.context, 16384);
      const spanish = await browser.run(`${wait} ${type} type('#language', 'es'); await until(() => document.documentElement.lang === 'es'); return document.querySelector('vram-verdict').textContent;`);
      assert.match(spanish, /Cabe: necesita \d+,\d\d GiB/);
      const chart = await browser.run(`${wait} ${type} type('#language', 'en'); await until(() => document.documentElement.lang === 'en'); document.querySelector('vram-explore').scrollIntoView(); await until(() => document.querySelector('.explore svg.drawing path.line')); return document.querySelector('.reading output').textContent;`);
      assert.match(chart, /16,384 tokens/);
      await browser.goto(`${server.url}learn.html`);
      const formulas = await browser.run(`${wait} await until(() => document.querySelector('table.formulas tbody tr')); return document.querySelectorAll('table.formulas tbody tr').length;`);
      assert.ok(formulas >= 4);
    } finally {
      await browser.close();
      await server.close();
    }
  });
}

// The text of an issue about a log that the estimate does not meet.
const inline = (text) => String(text).replace(/[|`\r\n]/g, ' ');
const fence = (text) => '`'.repeat(Math.max(3, ...[...text.matchAll(/`+/g)].map(([run]) => run.length + 1)));

export function issueText({ recognised, terms, request }, log, version) {
  const model = request.model?.id ?? request.model?.name ?? 'a config';
  const row = ({ term, device, measured, estimate, difference, verdict, unit }) =>
    `| ${[term, device ?? '', inline(measured.text), `${Math.round(estimate.expected)} (${Math.round(estimate.low)} to ${Math.round(estimate.high)}) ${unit}`, Math.round(difference), verdict].map(inline).join(' | ')} |`;
  const quoted = log.split('\n').filter((line) => /size|memory|took|GiB|MiB|tokens|n_ctx|n_layer|arch|offload|version|build|concurrency|CUDA/i.test(line)).slice(0, 120).join('\n');
  const marks = fence(quoted);
  return {
    title: inline(`${recognised.engine}, ${model}: ${terms.filter(({ verdict }) => verdict === 'off').map(({ term }) => term).join(', ') || 'a log'}`),
    body: [
      `vram-estimator ${version}, ${recognised.engine} ${inline(recognised.version ?? 'of unknown version')}, ${inline(recognised.gpus.join(', ') || 'GPU not named')}`,
      '',
      '| term | device | printed | estimated | difference | |',
      '|---|---|---|---|---|---|',
      ...terms.map(row),
      '',
      'Request:',
      '```json',
      JSON.stringify(request).slice(0, 3000),
      '```',
      '',
      'Lines of the log:',
      marks,
      quoted.slice(0, 12000),
      marks,
    ].join('\n'),
  };
}

// Where this site comes from, when its address says so: https://<owner>.github.io/<repository>/.
export function newIssueAddress({ hostname, pathname }, { title, body }) {
  const owner = /^([a-z0-9-]+)\.github\.io$/i.exec(hostname)?.[1];
  if (!owner) return null;
  const repository = pathname.split('/')[1] || `${owner}.github.io`;
  return `https://github.com/${owner}/${encodeURIComponent(repository)}/issues/new?${new URLSearchParams({ title, body: body.slice(0, 5500) })}`;
}

// Opens a dashboard in headless Chromium and checks what a reader relies on: it makes no request and no error, fits narrow
// and wide windows in light and dark, can be read with scripts off, breaks no serious rule of accessibility, and prints on A4.
// It leaves pictures and a PDF in a folder. It knows nothing of what the figures mean.
//
//   node check.mjs DASHBOARD.html FOLDER [LARGE.html]

import { readFileSync, mkdirSync, writeFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const [page_path, folder, large_path] = process.argv.slice(2).map((path) => resolve(path));
const modules = createRequire(join(process.env.HCLAKE_BROWSER ?? process.cwd(), 'node_modules', 'x.js'));
const { chromium } = modules('playwright-core');
const axe = readFileSync(modules.resolve('axe-core/axe.min.js'), 'utf8');
const A4_PT = { width: 595, height: 842 };
const BYTES_MAX = 2_000_000;
const OPEN_MS_MAX = 1000;

const faults = [];
const expect = (is_so, fault) => { if (!is_so) faults.push(fault); };
mkdirSync(folder, { recursive: true });

const browser = await chromium.launch({
  executablePath: process.env.HCLAKE_CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--force-color-profile=srgb'],
});

/** The page in a window of its own, which records errors and requests. */
async function opened(path, options) {
  const context = await browser.newContext({ bypassCSP: true, ...options });
  const page = await context.newPage();
  page.on('console', (message) => expect(message.type() !== 'error', `console: ${message.text()}`));
  page.on('pageerror', (error) => faults.push(`error: ${error}`));
  page.on('request', (request) => expect(/^(file|data):/.test(request.url()), `request: ${request.url()}`));
  await page.goto(pathToFileURL(path).href);
  return { context, page };
}

for (const width of [375, 1440]) {
  for (const colorScheme of ['light', 'dark']) {
    const place = `${width} px, ${colorScheme}`;
    const { context, page } = await opened(page_path, { viewport: { width, height: 900 }, colorScheme });
    const over = await page.evaluate(() => {
      const width = document.documentElement.clientWidth;
      const beyond = [...document.querySelectorAll('body *')].filter((element) =>
        !element.closest('.scroll, pre, details:not([open])') && element.getBoundingClientRect().right > width + 1);
      return { scroll: document.documentElement.scrollWidth - width, beyond: beyond.slice(0, 5).map((e) => e.outerHTML.slice(0, 120)) };
    });
    expect(over.scroll <= 0, `${place}: scrolls sideways by ${over.scroll} px`);
    expect(over.beyond.length === 0, `${place}: beyond the edge: ${over.beyond.join(' | ')}`);
    await page.screenshot({ path: join(folder, `${width}-${colorScheme}.png`), fullPage: true });
    // Everything is checked, what is folded away too.
    await page.evaluate(() => document.querySelectorAll('details').forEach((details) => { details.open = true; }));
    const opened_over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect(opened_over <= 0, `${place}, unfolded: scrolls sideways by ${opened_over} px`);
    await page.evaluate(axe);
    const { violations, passes } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
    expect(passes.length > 20, `${place}: only ${passes.length} rules were tried`);
    const count = {};
    for (const { id, impact, nodes, help } of violations) {
      count[impact] = (count[impact] ?? 0) + 1;
      const where = nodes.slice(0, 3).map((node) => `${node.target} ${node.failureSummary?.split('\n')[1] ?? ''}`).join('; ');
      const line = `${place}: axe ${impact} ${id} (${nodes.length}): ${help}: ${where}`;
      if (['serious', 'critical'].includes(impact)) faults.push(line); else console.log(`note: ${line}`);
    }
    console.log(`${place}: ${passes.length} rules of axe pass, violations: ${JSON.stringify(count)}`);
    await context.close();
  }
}

const { context, page } = await opened(page_path, { javaScriptEnabled: false, bypassCSP: false, viewport: { width: 1440, height: 900 } });
const text = await page.locator('body').innerText();
for (const piece of ['read to the end', 'Failure rate', 'Errors', 'Deployments']) {
  expect(text.includes(piece), `with scripts off: no "${piece}"`);
}
expect(/\p{Script=Han}{2}/u.test(text), 'no Chinese text');
expect((await page.locator('bdi[lang="zh-Hans"]').count()) > 0, 'no Chinese text is marked as such');
expect((await page.locator('svg[role=img]').count()) > 10, 'with scripts off: no charts');
const pdf = await page.pdf({ path: join(folder, 'print.pdf'), preferCSSPageSize: true });
const box = /\/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]/.exec(pdf.toString('latin1'));
expect(box && Math.abs(box[1] - A4_PT.width) < 1.5 && Math.abs(box[2] - A4_PT.height) < 1.5, `the printed page is ${box?.slice(1)} pt`);
await context.close();

for (const path of [page_path, large_path].filter(Boolean)) {
  const bytes = statSync(path).size;
  const { context, page } = await opened(path, { viewport: { width: 1440, height: 900 } });
  const shown_ms = await page.evaluate(() => new Promise((resolve) => {
    const seen = (list) => resolve(Math.round(list.getEntries().at(-1).startTime));
    new PerformanceObserver(seen).observe({ type: 'paint', buffered: true });
  }));
  console.log(`${path}: ${bytes} bytes, shown after ${shown_ms} ms`);
  expect(bytes < BYTES_MAX, `${path} has ${bytes} bytes`);
  expect(shown_ms < OPEN_MS_MAX, `${path} is shown after ${shown_ms} ms`);
  await context.close();
}
await browser.close();

writeFileSync(join(folder, 'faults.txt'), faults.join('\n'));
if (faults.length > 0) {
  console.error(faults.join('\n'));
  process.exit(1);
}
console.log('no fault');

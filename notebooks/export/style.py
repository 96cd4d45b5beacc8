"""The style sheet of an exported page; it stands inside the page."""

from __future__ import annotations

STYLE = """
:root { color-scheme: light; --ink: #1c2430; --soft: #5a6472; --line: #d5dbe3; --paper: #f6f8fa;
  --good: #14713b; --bad: #b3261e; --amber: #7d4e00; --amber-paper: #fff6e0; --blue: #0b4f9e; }
* { box-sizing: border-box; }
body { margin: 0; background: #eceff3; color: var(--ink);
  font: 15px/1.55 "Segoe UI", system-ui, -apple-system, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 66rem; margin: 0 auto; background: #fff; min-height: 100vh;
  padding: 2.5rem clamp(1rem, 4vw, 3.5rem) 4rem; box-shadow: 0 0 0 1px var(--line); }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .3rem; overflow-wrap: anywhere; }
h2 { font-size: 1.12rem; margin: 2.2rem 0 .6rem; padding-bottom: .3rem;
  border-bottom: 2px solid var(--ink); }
.kicker { margin: 0 0 .4rem; color: var(--blue); font-size: 12px; font-weight: 600;
  letter-spacing: .08em; text-transform: uppercase; }
.about { margin: 0; color: var(--soft); overflow-wrap: anywhere; }
a { color: var(--blue); }
.verdicts { display: grid; grid-template-columns: repeat(auto-fit, minmax(11.5rem, 1fr));
  gap: .75rem; margin: 1.5rem 0 0; padding: 0; }
.verdict { border: 1px solid var(--line); border-top: 4px solid var(--soft); border-radius: 4px;
  padding: .6rem .8rem .7rem; overflow-wrap: anywhere; }
.verdict dt { color: var(--soft); font-size: 12px; }
.verdict .word { margin: 0; font-size: 1.05rem; font-weight: 650; }
.verdict .why { margin: .1rem 0 0; color: var(--soft); font-size: 12.5px; line-height: 1.4; }
.verdict.good { border-top-color: var(--good); } .verdict.good .word { color: var(--good); }
.verdict.bad { border-top-color: var(--bad); } .verdict.bad .word { color: var(--bad); }
.verdict.amber { border-top-color: #c98a00; } .verdict.amber .word { color: var(--amber); }
.front > ul.amber, .front > ul.bad { margin-top: .9rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13px; }
.facts { width: 100%; }
.facts th, .facts td { text-align: left; vertical-align: top; padding: .4rem .6rem .4rem 0;
  border-bottom: 1px solid var(--line); }
.facts thead th { color: var(--soft); font-weight: 600; border-bottom: 1px solid var(--soft);
  white-space: nowrap; }
.facts .number { text-align: right; white-space: nowrap; }
.keep { white-space: nowrap; }
.facts .name { display: inline-block; min-width: 9.5em; font-weight: 600;
  overflow-wrap: anywhere; }
.hash { color: var(--soft); font: 11px/1.45 ui-monospace, "DejaVu Sans Mono", monospace;
  overflow-wrap: anywhere; word-break: break-all; }
.small { color: var(--soft); font-size: 12.5px; }
.good-text { color: var(--good); } .bad-text { color: var(--bad); }
ul.amber, ul.bad, ul.plain { margin: .4rem 0; padding: .55rem .8rem .55rem 1.9rem;
  font-size: 13.5px; border-left: 4px solid #c98a00; background: var(--amber-paper);
  overflow-wrap: anywhere; }
ul.bad { border-left-color: var(--bad); background: #fdefee; }
ul.plain { border-left-color: var(--line); background: var(--paper); }
.request > h2 { margin-top: 3rem; }
.asked { margin: .6rem 0 1rem; padding: .7rem 1rem; background: #eef4fb;
  border-left: 4px solid var(--blue); }
.answer { margin: 1rem 0; padding: .2rem 1rem; border-left: 4px solid var(--good); }
.cell { margin: 1.2rem 0; overflow-wrap: anywhere; }
.cell.code { border: 1px solid var(--line); border-radius: 5px; padding: .6rem .9rem; }
.cell.code > .head { display: flex; flex-wrap: wrap; gap: .15rem .9rem; margin: 0 0 .3rem;
  color: var(--soft); font-size: 12.5px; }
.cell.code > .head b { color: var(--ink); }
details > summary { cursor: pointer; color: var(--blue); font-size: 13px; }
pre { margin: 0; overflow-x: auto; font: 12.5px/1.5 ui-monospace, "DejaVu Sans Mono", Consolas,
  monospace; }
.highlight { background: var(--paper); border: 1px solid var(--line); border-radius: 4px;
  padding: .55rem .75rem; margin: .4rem 0; }
.output { padding: .45rem 0 .2rem; overflow-x: auto; contain: content; }
.output.stderr, .output.error { background: #fdefee; padding: .5rem .75rem; }
.output th, .output td, .text td, .text th, .answer td, .answer th { padding: .25rem .6rem;
  border-bottom: 1px solid var(--line); text-align: right; }
.output thead th { border-bottom: 2px solid #818b98; }
.cell.refused { border-color: var(--bad); border-left-width: 4px; }
.cell.undone { border-color: #9aa4b1; border-style: dashed; }
.cell.undone .highlight, .cell.undone .output { opacity: .6; }
.outcome { color: var(--bad); margin: 0 0 .3rem; font-weight: 600; }
.undone .outcome { color: var(--soft); }
.tied, .suspicious { margin: .5rem 0 0; padding: .35rem .75rem; font-size: 13px;
  color: var(--good); background: #eef8f1; }
.suspicious { color: var(--amber); background: var(--amber-paper); border-left: 4px solid #c98a00; }
.unknown { color: var(--soft); background: var(--paper); }
.tied ul, .suspicious ul { margin: .2rem 0; padding-left: 1.2rem; }
.note { margin: 1.2rem 0; padding: .2rem 1rem; background: var(--paper);
  border-left: 4px solid #9aa4b1; }
img { max-width: 100%; height: auto; }
.ansi-red-fg, .ansi-red-intense-fg { color: var(--bad); } .ansi-green-fg { color: var(--good); }
.ansi-blue-fg, .ansi-cyan-fg { color: #0550ae; } .ansi-yellow-fg { color: var(--amber); }
.ansi-bold { font-weight: 600; }
@media (max-width: 40rem) {
  .verdicts { grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); }
  main { padding-top: 1.2rem; box-shadow: none; }
  .stacks thead { display: none; }
  .stacks tr { display: block; padding: .5rem 0; border-bottom: 1px solid var(--line); }
  .stacks td { display: block; border: 0; padding: .1rem 0; text-align: left !important; }
  .stacks td[data-label]::before { content: attr(data-label) ": "; color: var(--soft); }
  .stacks td:empty { display: none; }
}
@page { size: A4; margin: 16mm 14mm 18mm;
  @bottom-right { content: counter(page) " / " counter(pages); font: 9px sans-serif;
    color: #5a6472; } }
@media print {
  body { background: #fff; font-size: 10.5pt; print-color-adjust: exact;
    -webkit-print-color-adjust: exact; }
  main { max-width: none; padding: 0; box-shadow: none; min-height: 0; }
  .verdicts { grid-template-columns: repeat(4, 1fr); gap: .4rem; }
  .verdict { padding: .4rem .5rem; } .verdict .word { font-size: .95rem; }
  .facts { font-size: 8.5pt; } .facts .small { font-size: 8pt; } .hash { font-size: 7pt; }
  .request { break-before: page; }
  .request > h2 { margin-top: 0; }
  h2, .head, .asked, details > summary { break-after: avoid; }
  .verdict, .facts tr, .output img, .note, .answer, ul.amber, .suspicious, .tied {
    break-inside: avoid; }
  details::details-content { content-visibility: visible; display: block; block-size: auto; }
  details > summary { list-style: none; color: var(--soft); }
  pre { white-space: pre-wrap; overflow-wrap: anywhere; overflow: visible; font-size: 8.5pt; }
  .output, .wide { overflow: visible; contain: none; }
  a { color: inherit; text-decoration: none; }
}
"""

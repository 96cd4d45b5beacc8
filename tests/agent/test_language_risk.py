"""The risk of a cell in Bash, JavaScript or TypeScript: what runs, what asks, what never runs."""

import pytest

from agent.permission.risk.languages import assess_in

pytestmark = pytest.mark.check

BASH = {
    "low": """
cat inputs/a.csv | sort -k2 > outputs/b.csv
for f in inputs/*.csv; do wc -l "$f"; done
if [[ -f a ]]; then echo $((1 + 2)) 2>/dev/null; fi
net() { echo $1; }; net 2
tail -n +2 inputs/a.csv | cut -d, -f2 | paste -sd+
export RATE=1.2; echo "$RATE"
arr=(1 2); echo ${arr[0]} {1..3}
echo hi > /tmp/x
date +%Y-%m-%d
printf '/etc is a word here\\n'
printf '%s\\n' $'a\\tb' 'x[1]' "$(wc -l < a)"
sort -t/ -k2 inputs/a.csv | cut -d/ -f1
grep -c '[$(]' inputs/a.csv
declare -a rows=(1 2); declare -i total=3
""",
    "medium": """
curl https://example.com
cat ../../x
cat ~/notes
cat $'\\x2fetc/hostname'
cat < $'\\057etc/hostname'
x=/etc; cat $x/hostname
x=(a /etc); cat ${x[1]}/hostname
printf -v x '%s' /etc/hostname; cat "$x"
read x <<< /etc/hostname; cat "$x"
date -f /etc/hostname
cp -t/etc x
sort --comp=x a
split --fil=x a
cat $HOME/notes
rm outputs/a.csv
awk '{print $1}' inputs/a.csv
find . -exec ls {} +
sort --compress-program=x a
echo `id`
sed -i s/a/b/ outputs/f
echo x > /var/tmp/y
wc -l https://example.com/a.csv
time ls
""",
    "high": """
eval "$x"
let 'a[$(ls)]=1'
[ -v 'a[$(ls)]' ]
printf -v 'a[`ls`]' x
x='a[$(ls)]'; echo $((x))
[[ 'a[$(ls)]' -eq 0 ]]
read "a[\\$(ls)]" <<< 1
declare -n r=x; r=2
local -rn r=x
$x y
e"va"l x
'ev'al x
\\eval x
$(echo ls)
python3 -c 'print(1)'
bash -c ls
cat /etc/passwd
cat < /dev/tcp/1.1.1.1/80
sleep 100 &
boom() { boom | boom; }; boom
cat() { rm x; }
PATH=. ls
/bin/ls
sudo ls
echo cm0gLXJm | base64 -d
trap 'rm x' EXIT
x=$(eval ls)
cat <(eval ls)
if true; then mount x y; fi
cat /proc/1/environ
""",
}
SCRIPT = {
    "low": """
const a = [1, 2, 3]; console.log(a.reduce((x, y) => x + y));
const text: string = Deno.readTextFileSync('inputs/a.csv');
for (let i = 0; i < 3; i++) { a[i] = a[i + 1] * 2; }
const totals: Record<string, number> = {}; totals['a'] = 1;
class Line { constructor(public net: number) {} }
await new Promise(resolve => setTimeout(resolve, 10));
await new Promise((done, failed) => { setTimeout(() => done(1), 10); });
class Sum { total = 0; add(n: number) { this.total += n; } }
const top = a.map(r => ({ ...r, total: 1 })).slice(0, 5);
for (const [k, v] of Object.entries({ a: 1 })) console.log(`${k} ${v}`);
Deno.writeTextFileSync('outputs/a.txt', 'x');
""",
    "medium": """
await fetch('https://example.com');
const all = Object.keys(this);
(function () { return this; })();
const text = 'x'; setTimeout(text, 1);
const later = setTimeout;
((text) => setTimeout(text, 1))('x');
row[key];
a['con' + 'structor'];
Deno.readTextFileSync('/etc/hosts');
Deno.readTextFileSync(name);
import fs from 'node:fs';
Deno.env.get('A');
for (let i = 0; i < 3; i++) { i = 'x'; a[i]; }
a[`constructor`];
const { [k]: c } = f;
""",
    "high": """
eval('1');
setTimeout('run()', 1);
setInterval(`run()`, 1);
new this.Deno.Command('ls');
this['Deno'].x;
const { Deno: D } = this;
import x = require('node:child_process');
let y = 1; y <!-- /* ; //*/ y;
new Function('1')();
[].constructor.constructor('1')();
a?.['constructor'];
a['\\x63onstructor'];
ev\\u0061l('1');
const { constructor: c } = f;
const f = eval;
({ eval });
globalThis.x;
new Deno.Command('ls');
const { Command } = Deno;
Deno['Command'];
import cp from 'node:child_process';
await import('node:' + x);
Object.getPrototypeOf(x);
new Worker('x');
process.exit();
x.__proto__;
""",
}
CASES = [
    (language, tier, line)
    for language, table in (("bash", BASH), ("typescript", SCRIPT), ("javascript", SCRIPT))
    for tier, lines in table.items()
    for line in lines.strip().splitlines()
]


@pytest.mark.parametrize(("language", "tier", "code"), CASES)
def test_each_line_of_code_has_its_tier(language, tier, code):
    assessment = assess_in(language, code)

    assert assessment.syntax_error == ""
    assert assessment.tier == tier


@pytest.mark.parametrize(("language", "code"), [("bash", "if"), ("javascript", "let x =")])
def test_code_that_cannot_be_read_never_runs(language, code):
    assert "can't read this" in assess_in(language, code).syntax_error


@pytest.mark.parametrize(
    ("language", "open_", "close"), [("bash", "$(echo ", ")"), ("javascript", "(", ")")]
)
def test_code_nested_too_deeply_never_runs(language, open_, close):
    code = f"x={open_ * 3000}1{close * 3000}"

    assert "nested too deeply" in assess_in(language, code).syntax_error


def test_a_finding_names_its_line_and_the_capability_to_grant():
    (found,) = assess_in("bash", "ls\n  awk x").findings

    assert (found.line, found.column, found.capability) == (2, 3, "command:awk")

// The shape of trees, for comparing a live run with a recording: which spans of which service hang
// under which, and the links. Numbers, times, messages and ids are left out, and so is what is chance:
// the order of siblings, how often the scheduler tried, whether a Node had the image already, and which
// of several scalings of a ReplicaSet made which Pod: a busy Deployment controller writes its Event
// only after the ReplicaSet controller's. A StatefulSet controller that has not yet seen its own
// deletion deletes the Pod, and says so, once more.

interface Branch {
  label: string;
  message: string;
  branches: Branch[];
}

const SPAN =
  /^(?<indent> *)\d+: (?<service>\S+) (?<name>\S+) (\(\d+\) )?\[\S+ \S+?(?<error> ERROR)?\] ?(?<message>(?<scaling>Scaled \w+)?.*)/;
const LINK = /^ *~ (?<kind>\S+)/;

/** Of the text that `--format tree` prints. */
export function shapeOf(tree: string): string {
  const top: Branch = { label: '', message: '', branches: [] };
  const path = [top];
  for (const line of tree.split('\n').filter((text) => text !== '')) {
    const link = LINK.exec(line)?.groups;
    if (link) {
      path.at(-1)!.branches.push({ label: `~ ${link.kind}`, message: '', branches: [] });
      continue;
    }
    const span = SPAN.exec(line)?.groups;
    if (!span) throw new Error(`not a line of a tree: ${line}`);
    path.length = span.indent!.length / 2 + 1;
    const scaling = span.scaling ? ` ${span.scaling}` : '';
    const label = `${span.service} ${span.name}${span.error ?? ''}${scaling}`;
    const branch = { label, message: span.message!, branches: [] };
    path.at(-1)!.branches.push(branch);
    path.push(branch);
  }
  return linesOf(top.branches).join('\n');
}

function linesOf(branches: Branch[]): string[] {
  const texts = pooled(once(branches))
    .filter(({ label }) => label !== 'kubelet Pod.Pulling')
    .map(({ label, branches }) => [label, ...linesOf(branches).map(indented)].join('\n'));
  return texts.sort().filter((text, i) => !(isRetry(text) && text === texts[i - 1]));
}

/** Without the deletions that are told again: the first one has what any of them has. */
function once(branches: Branch[]): Branch[] {
  const firsts = new Map<string, Branch>();
  for (const [index, branch] of branches.entries()) {
    const isDeletion = branch.label === 'statefulset-controller StatefulSet.SuccessfulDelete';
    const key = isDeletion ? branch.message : String(index);
    const first = firsts.get(key);
    if (first) first.branches.push(...branch.branches);
    else firsts.set(key, branch);
  }
  return [...firsts.values()];
}

/** The scalings in one direction: the first has what any of them has. */
function pooled(branches: Branch[]): Branch[] {
  const firsts = new Map<string, Branch>();
  return branches.map((branch) => {
    const first = firsts.get(branch.label);
    if (!/ Scaled \w+$/.test(branch.label)) return branch;
    if (first) first.branches.push(...branch.branches);
    else firsts.set(branch.label, { ...branch, branches: [...branch.branches] });
    return first ? { ...branch, branches: [] } : firsts.get(branch.label)!;
  });
}

const indented = (text: string) => text.replaceAll(/^/gm, '  ');

const isRetry = (text: string) => text.startsWith('default-scheduler Pod.FailedScheduling');

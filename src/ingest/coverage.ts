// What the watches of a cluster cover, and what is done about the rest. Kinds are watched that the
// settings name, and custom resources from when one is first met; an object of any other kind is
// looked up by itself. Events go on meanwhile: whatever has to be asked for is asked for beside
// them.
import type { Config } from '../config.js';
import { listOf } from '../config-setting.js';
import { InputError } from '../errors.js';
import type { ObjectMet } from '../wasm.js';
import { type ApiResource, type Discovery, groupOf, isCustom } from './discovery.js';
import type { Lookups } from './lookups.js';

export interface CoverageOptions {
  config: Config;
  discovery: Discovery;
  lookups: Lookups;
  /** Empty: all. */
  namespaces: readonly string[];
  /** Kinds that were met since it was last asked, such as `apps/v1 Deployment`. */
  takeKindsMet: () => string[];
  /** Objects that Events were about and that are not known, since it was last asked. */
  takeObjectsMet: () => ObjectMet[];
  /** A kind is to be watched from now on. */
  onWatch: (resource: ApiResource) => void;
  onNotice: (line: string) => void;
}

export class Coverage {
  /** Custom resources that were met. */
  readonly found: ApiResource[] = [];
  readonly #options: CoverageOptions;
  /** `GROUP/KIND` */
  readonly #watched = new Set<string>();
  #unknownKinds: string[] = [];
  #isLooking = false;
  /** More kinds were found than may be watched. */
  #isFull = false;

  constructor(options: CoverageOptions) {
    this.#options = options;
  }

  /** Begins with what the settings name and what was found before. */
  async begin(found: readonly ApiResource[]): Promise<void> {
    const { config, discovery, onNotice } = this.#options;
    for (const name of listOf(config.kinds)) {
      const resource = await discovery.byName(name);
      if (!resource) onNotice(`there is nothing to watch called ${name}`);
      else this.#watch(resource);
    }
    for (const resource of found) this.#watchFound(resource);
  }

  /** Sees to what was met since the last time. */
  async look(): Promise<void> {
    const { lookups, takeKindsMet, takeObjectsMet } = this.#options;
    lookups.proceed();
    if (this.#isLooking) return;
    this.#isLooking = true;
    const objects = takeObjectsMet();
    this.#unknownKinds.push(...takeKindsMet());
    // Afterwards it is known which of the objects are watched.
    await this.#findKinds();
    lookups.add(objects.filter((object) => !this.#covers(object)));
    this.#isLooking = false;
  }

  /** Those that cannot be asked for now stay until the next time. */
  async #findKinds(): Promise<void> {
    const kinds = this.#unknownKinds;
    this.#unknownKinds = [];
    for (const met of kinds) {
      const [apiVersion = '', kind = ''] = met.split(' ');
      if (!isCustom(groupOf(apiVersion))) continue;
      try {
        const resource = await this.#options.discovery.byKind(apiVersion, kind);
        if (resource) this.#watchFound(resource);
      } catch (error) {
        if (!(error instanceof InputError)) throw error;
        this.#unknownKinds.push(met);
      }
    }
  }

  #watchFound(resource: ApiResource): void {
    const { config, onNotice } = this.#options;
    if (this.#watched.has(keyOf(resource))) return;
    if (this.found.length < config.foundKindsMax) {
      this.found.push(resource);
      this.#watch(resource);
    } else if (!this.#isFull) {
      this.#isFull = true;
      onNotice(`${resource.kind} and what is found after it is not watched: --found-kinds-max`);
    }
  }

  #watch(resource: ApiResource): void {
    this.#watched.add(keyOf(resource));
    this.#options.onWatch(resource);
  }

  /** Nothing is asked for outside of the namespaces: there may be no right to. */
  #covers({ apiVersion, kind, namespace }: ObjectMet): boolean {
    const { namespaces } = this.#options;
    const isOutside = namespaces.length > 0 && !namespaces.includes(namespace);
    return isOutside || this.#watched.has(keyOf({ group: groupOf(apiVersion), kind }));
  }
}

function keyOf({ group, kind }: Pick<ApiResource, 'group' | 'kind'>): string {
  return `${group}/${kind}`;
}

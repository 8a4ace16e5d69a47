/* tslint:disable */
/* eslint-disable */

/**
 * See `correlator::Correlator`.
 */
export class Correlator {
    free(): void;
    [Symbol.dispose](): void;
    counts(): string;
    drain(destination: number): Uint8Array;
    constructor(settings: Settings);
    /**
     * # Errors
     * No Router wrote the batch.
     */
    push(batch: Uint8Array): void;
    /**
     * # Errors
     * Why the snapshot is of no use.
     */
    static restore(settings: Settings, snapshot: Uint8Array): Correlator;
    snapshot(): Uint8Array;
    spans(destination: number): number;
}

/**
 * See `quarantine::Quarantined`.
 */
export class Quarantined {
    private constructor();
    free(): void;
    [Symbol.dispose](): void;
    batch: Uint8Array;
    frame: Uint8Array;
    is_event: boolean;
}

/**
 * See `router::Router`.
 */
export class Router {
    free(): void;
    [Symbol.dispose](): void;
    counts(): string;
    /**
     * # Errors
     * Too many bytes of Events without receivedAt.
     */
    finish(): boolean;
    constructor(settings: Settings);
    /**
     * # Errors
     * Too many bytes of Events without receivedAt.
     */
    push(chunk: Uint8Array): void;
    /**
     * # Errors
     * Why the snapshot is of no use.
     */
    static restore(settings: Settings, snapshot: Uint8Array): Router;
    snapshot(): Uint8Array;
    take(shard: number, force: boolean): Uint8Array;
    take_kinds_met(): string;
    take_objects_met(): string;
}

/**
 * See `rules::RuleTable`.
 */
export class Rules {
    free(): void;
    [Symbol.dispose](): void;
    static builtin(): string;
    /**
     * # Errors
     * The id of a row, and what is wrong with it.
     */
    constructor(json: string);
    /**
     * What is empty fits any row.
     */
    try_message(message: string, controller: string, kind: string, reason: string, event_type: string): string;
}

/**
 * See `limits::Settings`; a new one holds the defaults.
 */
export class Settings {
    free(): void;
    [Symbol.dispose](): void;
    constructor();
    set_cluster_name(name: string): void;
    /**
     * # Errors
     * It is no JSON.
     */
    set_destinations(json: string): void;
    /**
     * # Errors
     * The id of a row, and what is wrong with it.
     */
    set_rules(json: string): void;
    set_service_name(name: string): void;
    set_traceparent_annotations(names: string): void;
    set event_uids_max(value: number);
    set frame_bytes_max(value: number);
    set idle_ms(value: number);
    set objects_max(value: number);
    set parked_bytes_max(value: number);
    set reorder_window_ms(value: number);
    set shards(value: number);
    set untimed_bytes_max(value: number);
}

/**
 * See `scan::lines_and_keys`.
 */
export function lines_and_keys(bytes: Uint8Array): Uint32Array;

/**
 * See `batch::ends`.
 *
 * # Errors
 * No Router wrote the batch.
 */
export function record_ends(batch: Uint8Array): Uint32Array;

/**
 * See `quarantine::take_out`.
 */
export function take_out(batch: Uint8Array, number: number): Quarantined | undefined;

export type InitInput = RequestInfo | URL | Response | BufferSource | WebAssembly.Module;

export interface InitOutput {
    readonly memory: WebAssembly.Memory;
    readonly __wbg_correlator_free: (a: number, b: number) => void;
    readonly __wbg_get_quarantined_batch: (a: number) => [number, number];
    readonly __wbg_get_quarantined_frame: (a: number) => [number, number];
    readonly __wbg_get_quarantined_is_event: (a: number) => number;
    readonly __wbg_quarantined_free: (a: number, b: number) => void;
    readonly __wbg_router_free: (a: number, b: number) => void;
    readonly __wbg_rules_free: (a: number, b: number) => void;
    readonly __wbg_set_quarantined_batch: (a: number, b: number, c: number) => void;
    readonly __wbg_set_quarantined_frame: (a: number, b: number, c: number) => void;
    readonly __wbg_set_quarantined_is_event: (a: number, b: number) => void;
    readonly __wbg_settings_free: (a: number, b: number) => void;
    readonly correlator_counts: (a: number) => [number, number];
    readonly correlator_drain: (a: number, b: number) => [number, number];
    readonly correlator_new: (a: number) => number;
    readonly correlator_push: (a: number, b: number, c: number) => [number, number];
    readonly correlator_restore: (a: number, b: number, c: number) => [number, number, number];
    readonly correlator_snapshot: (a: number) => [number, number];
    readonly correlator_spans: (a: number, b: number) => number;
    readonly lines_and_keys: (a: number, b: number) => [number, number];
    readonly record_ends: (a: number, b: number) => [number, number, number, number];
    readonly router_counts: (a: number) => [number, number];
    readonly router_finish: (a: number) => [number, number, number];
    readonly router_new: (a: number) => number;
    readonly router_push: (a: number, b: number, c: number) => [number, number];
    readonly router_restore: (a: number, b: number, c: number) => [number, number, number];
    readonly router_snapshot: (a: number) => [number, number];
    readonly router_take: (a: number, b: number, c: number) => [number, number];
    readonly router_take_kinds_met: (a: number) => [number, number];
    readonly router_take_objects_met: (a: number) => [number, number];
    readonly rules_builtin: () => [number, number];
    readonly rules_new: (a: number, b: number) => [number, number, number];
    readonly rules_try_message: (a: number, b: number, c: number, d: number, e: number, f: number, g: number, h: number, i: number, j: number, k: number) => [number, number];
    readonly settings_new: () => number;
    readonly settings_set_cluster_name: (a: number, b: number, c: number) => void;
    readonly settings_set_destinations: (a: number, b: number, c: number) => [number, number];
    readonly settings_set_event_uids_max: (a: number, b: number) => void;
    readonly settings_set_frame_bytes_max: (a: number, b: number) => void;
    readonly settings_set_idle_ms: (a: number, b: number) => void;
    readonly settings_set_objects_max: (a: number, b: number) => void;
    readonly settings_set_parked_bytes_max: (a: number, b: number) => void;
    readonly settings_set_reorder_window_ms: (a: number, b: number) => void;
    readonly settings_set_rules: (a: number, b: number, c: number) => [number, number];
    readonly settings_set_service_name: (a: number, b: number, c: number) => void;
    readonly settings_set_shards: (a: number, b: number) => void;
    readonly settings_set_traceparent_annotations: (a: number, b: number, c: number) => void;
    readonly settings_set_untimed_bytes_max: (a: number, b: number) => void;
    readonly take_out: (a: number, b: number, c: number) => number;
    readonly __wbindgen_externrefs: WebAssembly.Table;
    readonly __wbindgen_free: (a: number, b: number, c: number) => void;
    readonly __wbindgen_malloc: (a: number, b: number) => number;
    readonly __externref_table_dealloc: (a: number) => void;
    readonly __wbindgen_realloc: (a: number, b: number, c: number, d: number) => number;
    readonly __wbindgen_start: () => void;
}

export type SyncInitInput = BufferSource | WebAssembly.Module;

/**
 * Instantiates the given `module`, which can either be bytes or
 * a precompiled `WebAssembly.Module`.
 *
 * @param {{ module: SyncInitInput }} module - Passing `SyncInitInput` directly is deprecated.
 *
 * @returns {InitOutput}
 */
export function initSync(module: { module: SyncInitInput } | SyncInitInput): InitOutput;

/**
 * If `module_or_path` is {RequestInfo} or {URL}, makes a request and
 * for everything else, calls `WebAssembly.instantiate` directly.
 *
 * @param {{ module_or_path: InitInput | Promise<InitInput> }} module_or_path - Passing `InitInput` directly is deprecated.
 *
 * @returns {Promise<InitOutput>}
 */
export default function __wbg_init (module_or_path?: { module_or_path: InitInput | Promise<InitInput> } | InitInput | Promise<InitInput>): Promise<InitOutput>;

import Hiredis

/// The Lua scripts, each headed by its contract in `Scripts/`. Every one that writes is safe to send twice.
enum Scripts {
  static let submit = script(
    PackageResources.submit_lua, named: "submit", after: [prelude, wake, indexes, usage, admit])
  static let claim = script(PackageResources.claim_lua, named: "claim", after: [prelude, holds])
  static let record = script(PackageResources.record_lua, named: "record", after: transitions + [results])
  static let heartbeat = script(PackageResources.heartbeat_lua, named: "heartbeat", after: transitions)
  static let recover = script(PackageResources.recover_lua, named: "recover", after: transitions + [leases])
  static let upgrade = script(PackageResources.upgrade_lua, named: "upgrade", after: transitions)
  static let timers = script(PackageResources.timers_lua, named: "timers", after: transitions + [ends, waits])
  static let hurry = script(PackageResources.hurry_lua, named: "hurry", after: transitions)
  static let control = script(PackageResources.control_lua, named: "control", after: transitions + [ends])
  static let reopen = script(PackageResources.reopen_lua, named: "reopen", after: [prelude, wake, holds, usage])
  static let leave = script(PackageResources.leave_lua, named: "leave", after: [prelude])
  static let status = script(PackageResources.status_lua, named: "status", after: [])
  static let events = script(PackageResources.events_lua, named: "events", after: [])
  static let reconcile = script(PackageResources.reconcile_lua, named: "reconcile", after: transitions + [waits])
  static let stream = script(PackageResources.stream_lua, named: "stream", after: [prelude])
  static let texts = script(PackageResources.texts_lua, named: "texts", after: [])
  static let list = script(PackageResources.list_lua, named: "list", after: [])
  static let counts = script(PackageResources.counts_lua, named: "counts", after: [])
  static let values = script(PackageResources.values_lua, named: "values", after: [])
  static let dead = script(PackageResources.dead_lua, named: "dead", after: [])
  static let rights = script(PackageResources.rights_lua, named: "rights", after: [])
  static let health = script(PackageResources.health_lua, named: "health", after: [prelude, leases])

  static let schedule = script(PackageResources.schedule_lua, named: "schedule", after: [prelude])
  static let unschedule = script(PackageResources.unschedule_lua, named: "unschedule", after: [prelude])
  static let schedules = script(PackageResources.schedules_lua, named: "schedules", after: [])
  static let tick = script(PackageResources.tick_lua, named: "tick", after: [prelude, wake, indexes, usage, admit])

  static let inbox = script(PackageResources.inbox_lua, named: "inbox", after: [prelude, entries])
  static let take = script(
    PackageResources.take_lua, named: "take", after: [prelude, wake, indexes, usage, admit, entries, report])

  static let calldue = script(PackageResources.calldue_lua, named: "calldue", after: [prelude, callbacks])
  static let called = script(PackageResources.called_lua, named: "called", after: [prelude, callbacks])
  static let recall = script(PackageResources.recall_lua, named: "recall", after: [prelude, callbacks])
  static let calls = script(PackageResources.calls_lua, named: "calls", after: [])

  static let announce = script(PackageResources.announce_lua, named: "announce", after: [prelude])
  static let workers = script(PackageResources.workers_lua, named: "workers", after: [prelude])
  static let drain = script(PackageResources.drain_lua, named: "drain", after: [prelude])

  static let modelcall = script(PackageResources.modelcall_lua, named: "modelcall", after: [prelude])
  static let keepplace = script(PackageResources.keepplace_lua, named: "keepplace", after: [prelude])
  static let modelend = script(PackageResources.modelend_lua, named: "modelend", after: [prelude])

  static let measure = script(PackageResources.measure_lua, named: "measure", after: [prelude])

  private static let prelude = PackageResources.prelude_lua
  private static let wake = PackageResources.wake_lua
  private static let admit = PackageResources.admit_lua
  private static let callbacks = PackageResources.callbacks_lua
  private static let entries = PackageResources.entries_lua
  private static let report = PackageResources.report_lua
  private static let holds = PackageResources.holds_lua
  private static let indexes = PackageResources.indexes_lua
  private static let usage = PackageResources.usage_lua
  private static let ends = PackageResources.ends_lua
  private static let waits = PackageResources.waits_lua
  private static let results = PackageResources.results_lua
  private static let leases = PackageResources.leases_lua
  /// What scripts share that take runs from state to state.
  private static let transitions = [
    prelude, wake, holds, indexes, usage, PackageResources.kept_lua, report, PackageResources.transitions_lua,
  ]

  /// The script with what it shares with others put in after its `#!lua` line, which Redis wants first. Every function
  /// there costs each call, whether or not it is used.
  private static func script(_ text: [UInt8], named name: String, after shared: [[UInt8]]) -> RedisScript {
    let lines = text.split(separator: UInt8(ascii: "\n"), maxSplits: 1, omittingEmptySubsequences: false)
    let source = lines[0] + [UInt8(ascii: "\n")] + shared.joined() + lines[1]
    return RedisScript(name: name, source: String(decoding: source, as: UTF8.self))
  }
}

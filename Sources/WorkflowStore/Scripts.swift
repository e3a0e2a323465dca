import Hiredis

/// The Lua scripts, each headed by its contract in `Scripts/`. Every one that writes is safe to send twice.
enum Scripts {
  static let submit = script("submit", PackageResources.submit_lua, after: PackageResources.prelude_lua)
  static let claim = script("claim", PackageResources.claim_lua)
  static let record = script("record", PackageResources.record_lua)
  static let heartbeat = script("heartbeat", PackageResources.heartbeat_lua)
  static let recover = script("recover", PackageResources.recover_lua)
  static let upgrade = script("upgrade", PackageResources.upgrade_lua)
  static let leave = script("leave", PackageResources.leave_lua, after: PackageResources.prelude_lua)
  static let status = script("status", PackageResources.status_lua, after: [])
  static let events = script("events", PackageResources.events_lua, after: PackageResources.prelude_lua)
  static let reconcile = script("reconcile", PackageResources.reconcile_lua)
  static let dead = script("dead", PackageResources.dead_lua, after: PackageResources.prelude_lua)
  static let rights = script("rights", PackageResources.rights_lua, after: PackageResources.prelude_lua)
  static let health = script("health", PackageResources.health_lua)

  /// What scripts share that take runs from state to state.
  private static let transitions = PackageResources.prelude_lua + PackageResources.transitions_lua

  /// The script with what it shares with others put in after its `#!lua` line, which Redis wants first. Every function
  /// there costs each call, whether or not it is used.
  private static func script(_ name: String, _ text: [UInt8], after shared: [UInt8] = transitions) -> RedisScript {
    let lines = text.split(separator: UInt8(ascii: "\n"), maxSplits: 1, omittingEmptySubsequences: false)
    let source = lines[0] + [UInt8(ascii: "\n")] + shared + lines[1]
    return RedisScript(name: name, source: String(decoding: source, as: UTF8.self))
  }
}

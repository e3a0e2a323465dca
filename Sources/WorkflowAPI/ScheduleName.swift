import Workflow

/// The name of a schedule, and whose it is: the schedules of each key have separate names. Redis has both, with a
/// slash.
struct ScheduleName: Sendable, Equatable {
  let owner: String?
  let name: String

  init(_ name: String, of owner: String?) {
    self.owner = owner
    self.name = name
  }

  /// Reads the name that Redis has. Neither part has a slash.
  init(stored: String) {
    let parts = stored.split(separator: "/", maxSplits: 1).map(String.init)
    self.init(parts.last ?? stored, of: parts.count > 1 ? parts[0] : nil)
  }

  /// The name that Redis has.
  var stored: String { owner.map { "\($0)/\(name)" } ?? name }
}

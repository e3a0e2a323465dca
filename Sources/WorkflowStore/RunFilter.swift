public import Workflow

/// Which runs are meant, of those that have not expired.
public struct RunFilter: Sendable, Equatable {
  /// Their status; empty for all.
  public var statuses: Set<RunStatus> = []
  /// What their author calls them.
  public var name: String?
  /// Whose they are.
  public var owner: String?
  /// Labels that they have, all of them.
  public var labels: [Label] = []
  /// Why they failed.
  public var errorCode: String?
  /// Whether only paused ones are meant.
  public var isPaused = false
  /// When they were submitted: then or later.
  public var since: Timestamp?
  /// When they were submitted: before that.
  public var before: Timestamp?

  /// A name and a value.
  public struct Label: Sendable, Equatable {
    /// The name; it has no `=`.
    public let name: String
    /// The value.
    public let value: String

    /// A label.
    public init(name: String, value: String) {
      self.name = name
      self.value = value
    }

    var text: String { "\(name)=\(value)" }
  }

  /// All runs.
  public init() {}

  /// Whether all runs are meant.
  public var isEmpty: Bool { self == RunFilter() }
}

extension RunFilter {
  /// Where they are looked for: what narrows most that there is a list of.
  var place: (list: String, index: String) {
    if statuses == [.started] { return ("leases", "") }
    if isPaused || !statuses.isEmpty && statuses.isSubset(of: [.queued, .started]) { return ("live", "") }
    if statuses == [.failed] || statuses == [.cancelled], let status = statuses.first {
      return ("ended", ":" + status.rawValue + (owner.map { ":owner:" + $0 } ?? ""))
    }
    if let label = labels.first { return ("runs", ":label:" + label.text) }
    if let name { return ("runs", ":name:" + name) }
    if let owner { return ("runs", ":owner:" + owner) }
    return ("runs", "")
  }

  /// What list.lua is to look at in each run.
  var words: [String] {
    var words: [String] = []
    if !statuses.isEmpty { words += ["status", " " + statuses.map(\.rawValue).sorted().joined(separator: " ") + " "] }
    if let name { words += ["run_name", name] }
    if let owner { words += ["owner", owner] }
    if let errorCode { words += ["error_code", errorCode] }
    if isPaused { words += ["paused", "1"] }
    for label in labels { words += ["label", label.text] }
    return words
  }
}

/// Where a page of runs begins, in each partition. It stays where it is whatever is submitted meanwhile.
public struct RunCursor: Sendable, Equatable {
  /// A place in the lists of one partition.
  enum Place: Sendable, Equatable {
    case start
    /// Two words of list.lua.
    case after(String, String)
    case end
  }

  var places: [Place]

  /// The beginning.
  /// - Parameter partitions: how many there are.
  init(partitions: Int) { places = Array(repeating: .start, count: partitions) }

  /// Whether nothing follows.
  var isAtEnd: Bool { places.allSatisfy { $0 == .end } }

  /// The cursor as clients get it: of each partition two words, or what says that it is at its start or end.
  public var text: String {
    places.map { place in
      switch place {
      case .start: "s"
      case .after(let first, let second): "\(first).\(second)"
      case .end: "e"
      }
    }.joined(separator: "_")
  }

  /// The form of a cursor, as a regular expression.
  public static func pattern(partitions: Int) -> String {
    let id = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    let place = "(?:s|e|[0-9]{1,16}\\.(?:[0-9]{1,12}|\(id)))"
    return "^\(place)(?:_\(place)){\(partitions - 1)}$"
  }

  /// Reads a cursor; nil for a text that is none.
  public init?(_ text: String, partitions: Int) {
    let parts = text.split(separator: "_", omittingEmptySubsequences: false)
    guard parts.count == partitions else { return nil }
    var places: [Place] = []
    for part in parts {
      switch part {
      case "s": places.append(.start)
      case "e": places.append(.end)
      default:
        let words = part.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard words.count == 2, (1...16).contains(words[0].utf8.count), Int(digits: Array(words[0].utf8)[...]) != nil,
          words[1].utf8.count <= 12 && Int(digits: Array(words[1].utf8)[...]) != nil || JobID(words[1]) != nil
        else { return nil }
        places.append(.after(words[0], words[1]))
      }
    }
    self.places = places
  }
}

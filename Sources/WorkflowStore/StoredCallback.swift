/// A callback as Redis has it: what is sent to a run's `callback_url` at its end, and what has become of it.
public struct StoredCallback: Sendable, Equatable {
  /// Its state.
  public enum State: String, Sendable, CaseIterable {
    /// It is sent when it is due.
    case waiting
    /// A worker sends it; until the lease ends if that worker has died.
    case sending
    /// The receiver has it.
    case delivered
    /// It was given up.
    case dead
  }

  /// Its id, the same in every attempt.
  public let id: String
  /// When it is due, or its lease ends, in milliseconds since 1970; nil when it is delivered or dead.
  public let due: Int?
  private let fields: [String: String]

  init(id: String, due: Int?, fields: [String: String]) {
    self.id = id
    self.due = due
    self.fields = fields
  }

  /// The run's id.
  public var job: String { fields["job"] ?? "" }
  /// Where it goes.
  public var url: String { fields["url"] ?? "" }
  /// The authority of the URL: callbacks with the same one have the same receiver.
  public var host: String { fields["host"] ?? "" }
  /// What the run is called.
  public var runName: String { fields["run_name"] ?? "" }
  /// How the run has ended.
  public var status: String { fields["status"] ?? "" }
  /// When the run ended, in seconds since 1970.
  public var finishedAt: String { fields["finished_ts"] ?? "" }
  /// The run's labels as JSON; nil when it has none.
  public var labels: String? { fields["labels"] }
  /// Why the run failed, for programs.
  public var errorCode: String? { fields["error_code"] }
  /// Why the run failed.
  public var error: String? { fields["error"] }
  /// The name of the key that the run was submitted with; nil for a run without one.
  public var owner: String? { fields["owner"] }
  /// The trace that the run belongs to, as the run keeps it; nil for a run without one.
  public var trace: String? { fields["trace"] }
  /// When it was written, in seconds since 1970.
  public var createdAt: String { fields["created_ts"] ?? "" }
  /// How often it was sent, this time included.
  public var attempts: Int { fields["attempts"].flatMap { Int($0) } ?? 0 }
  /// When the last attempt began.
  public var lastAttemptAt: String? { fields["last_ts"] }
  /// The status that the receiver answered last.
  public var lastStatus: Int? { fields["last_status"].flatMap { Int($0) } }
  /// Why the last attempt has failed.
  public var lastError: String? { fields["last_error"] }
  /// When it was delivered.
  public var deliveredAt: String? { fields["delivered_ts"] }
  /// When it was given up.
  public var deadAt: String? { fields["dead_ts"] }
  /// Of the lease by which it is sent.
  var token: String { fields["token"] ?? "" }

  /// Its state.
  public var state: State {
    if due != nil { return token.isEmpty ? .waiting : .sending }
    return deadAt != nil ? .dead : .delivered
  }
}

/// Where a page of callbacks ends.
public struct CallbackCursor: Sendable, Equatable, CustomStringConvertible {
  /// When its last callback is due or was given up, in milliseconds since 1970.
  let milliseconds: Int
  /// The id of that callback.
  let id: String

  /// What one looks like, as a regular expression.
  public static let pattern = "^[0-9]{1,15}-[0-9a-f-]{1,64}$"

  init(_ milliseconds: Int, _ id: String) {
    self.milliseconds = milliseconds
    self.id = id
  }

  /// Reads one; nil when it has another form.
  public init?(_ text: String) {
    let parts = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, (1...15).contains(parts[0].utf8.count), (1...64).contains(parts[1].utf8.count),
      parts[0].utf8.allSatisfy({ (0x30...0x39).contains($0) }), let milliseconds = Int(parts[0]),
      parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) || $0 == 0x2d })
    else { return nil }
    self.milliseconds = milliseconds
    id = String(parts[1])
  }

  /// The text that clients hand back.
  public var description: String { "\(milliseconds)-\(id)" }
}

/// A page of callbacks.
public struct CallbackPage: Sendable, Equatable {
  /// The callbacks.
  public let callbacks: [StoredCallback]
  /// Where it ends; nil when it is the last one.
  public let end: CallbackCursor?
}

/// How many callbacks there are.
public struct CallbackCounts: Sendable, Equatable {
  /// Those that wait or are being sent.
  public var waiting = 0
  /// Those that were given up and are kept.
  public var dead = 0
  /// Seconds for which the first of them has been due; 0 when none is.
  public var overdue = 0

  /// The counts of two partitions.
  func joined(with other: CallbackCounts) -> CallbackCounts {
    CallbackCounts(
      waiting: waiting + other.waiting, dead: dead + other.dead, overdue: max(overdue, other.overdue))
  }
}

/// What a look at the callbacks has brought.
public struct CallbackTurn: Sendable {
  /// Redis's clock.
  public let now: Int
  /// When the next one is due, in milliseconds since 1970; nil when none waits.
  public let next: Int?
  /// Those that the caller sends now.
  public let callbacks: [StoredCallback]
}

/// What the worker that leases callbacks says of itself.
public struct CallbackLease: Sendable {
  /// No other lease has it.
  public var token: String
  /// How many callbacks at most.
  public var limit: Int
  /// How long it lasts.
  public var length: Duration
  /// Attempts after which a callback is given up.
  public var attempts: Int
  /// Callbacks that a receiver may have at one time.
  public var perHost: Int
  /// Receivers that may get another number of further ones, and for how long their others are put off.
  public var rooms: [(host: String, room: Int, pause: Duration)]

  /// A lease.
  public init(
    token: String, limit: Int, length: Duration, attempts: Int, perHost: Int,
    rooms: [(host: String, room: Int, pause: Duration)] = []
  ) {
    self.token = token
    self.limit = limit
    self.length = length
    self.attempts = attempts
    self.perHost = perHost
    self.rooms = rooms
  }
}

/// What became of an attempt.
public enum CallbackOutcome: Sendable, Equatable {
  /// The receiver has it.
  case delivered(status: Int)
  /// It is sent again after a time.
  case repeated(after: Duration, status: Int?, error: String)
  /// It is given up.
  case dead(status: Int?, error: String)
  /// The attempt does not count; it is sent again at once, by somebody else.
  case givenBack
}

/// What became of the wish to have a callback sent again.
public enum CallbackRecall: Sendable, Equatable {
  /// It is sent again.
  case recalled
  /// It is being sent.
  case busy
  /// There is no such callback.
  case unknown
}

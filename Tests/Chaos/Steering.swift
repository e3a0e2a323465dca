import Curl
import ExactJSON

/// A request that steers a run, and what the client was told.
struct Steering: Sendable {
  /// What is done with the run.
  enum Verb: String, Sendable, CaseIterable {
    case cancel, pause, resume, retry, rerun

    /// Whether it runs an ended run again.
    var reopens: Bool { self == .retry || self == .rerun }
  }

  /// What the client was told.
  enum Answer: Sendable {
    /// It is done; where the run stands then, and its generation where the answer says that.
    case done(status: String, generation: Int?)
    /// It is not done, and why.
    case refused(Int)
    /// It may be done or not, now or a little later.
    case unknown
  }

  let verb: Verb
  /// When it was sent, by this host's clock.
  let sent: Double
  /// When the answer came, or was given up.
  let answered: Double
  let answer: Answer

  /// How long a request whose client has given up may still be carried out: Redis stands still for some seconds, and
  /// nginx sends a request again.
  private static let latest = 30.0

  /// Whether it can have an effect after a time.
  func mayActAfter(_ time: Double) -> Bool {
    if case .unknown = answer { return answered + Self.latest > time }
    return answered > time
  }

  /// What it is counted as.
  var kind: String {
    switch answer {
    case .done: "done"
    case .refused(let status): "\(status)"
    case .unknown: "unknown"
    }
  }
}

/// A schedule, from the request that made it to the one that removed it.
struct Ticking: Sendable {
  let name: String
  /// Seconds between two ticks.
  let period: Int
  let missed: String
  let overlap: String
  /// The run of each tick.
  let workflow: JSONValue
  /// When the first request was sent that makes it, by this host's clock.
  let since: Double
  /// When it is known to be there.
  var made = Double.infinity
  /// When it is known to be gone.
  var removed = Double.infinity
  /// What the API said of it, when.
  var looks: [(time: Double, look: Look)] = []
  /// When it was asked for, made and not removed, and was not there.
  var missing: Double?

  /// How far it has come.
  struct Look: Sendable, Equatable {
    let next: Int
    let runs: Int
    let skipped: Int

    /// The first tick of all, if none was lost.
    func first(every period: Int) -> Int { next - period * (runs + skipped) }
  }
}

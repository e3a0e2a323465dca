/// What the contracts of the scripts say of one run: a model in memory of what Redis must hold and answer.
struct RunModel {
  enum Status: String {
    case none, queued, started, finished, failed
  }

  /// A call of a worker that names its claim: what it writes, and how the claim ends with it.
  struct Record {
    enum Kind: CaseIterable {
      case entry, risky, checkpoint, finish, fail, handBack, handBackAsSuspect
    }

    let token: String
    let sequence: Int
    let kind: Kind
    /// A name that no other record has: of the step in its entry, and the value that it stores.
    let mark: String
  }

  /// What a record is answered.
  enum Answer: Equatable {
    case recorded, lost
    case behind(Int)
  }

  static let crashLimit = 3

  private(set) var status = Status.none
  /// The claim that holds the run, and its last record.
  private(set) var token = ""
  private(set) var sequence = 0
  /// The worker whose claim took it last.
  private(set) var worker = ""
  /// Each worker's last claim that brought the run: sent again, it brings what it has brought.
  private var lastClaims: [String: String] = [:]
  private var hasRiskyStep = false
  private var crashes = 0
  private var silentDeaths = 0
  private var claims = 0
  /// The last record of the claim that ended, if a record ended it and nothing has put the run back since.
  private var ending = (token: "", sequence: 0)
  /// Whether it waits, or was taken, as a run whose next crash would end it.
  private(set) var isSuspect = false
  /// The marks in the log and in the store, in order.
  private(set) var logged: [String] = []
  private(set) var stored: [String] = []

  mutating func submit() {
    if status == .none { status = .queued }
  }

  /// - Returns: the token under which the worker now holds the run; nil when the claim brings nothing.
  mutating func claim(id: String, worker: String) -> String? {
    if lastClaims[worker] == id { return status == .started && token == "\(claims)-\(id)" ? token : nil }
    guard status == .queued else { return nil }
    status = .started
    claims += 1
    token = "\(claims)-\(id)"
    self.worker = worker
    lastClaims[worker] = id
    sequence = 0
    hasRiskyStep = false
    return token
  }

  mutating func record(_ record: Record) -> Answer {
    guard status == .started, token == record.token else {
      return status != .started && ending == (record.token, record.sequence) ? .recorded : .lost
    }
    if record.sequence == sequence { return .recorded }
    if record.sequence < sequence { return .lost }
    guard record.sequence == sequence + 1 else { return .behind(sequence) }
    sequence += 1
    logged.append(record.mark)
    hasRiskyStep = record.kind == .risky
    switch record.kind {
    case .entry, .risky: break
    case .checkpoint:
      crashes = 0
      stored.append(record.mark)
    case .finish: status = .finished
    case .fail: status = .failed
    case .handBack, .handBackAsSuspect:
      putBack(silentDeaths: 0)
      isSuspect = record.kind == .handBackAsSuspect
    }
    if status != .started { ending = (record.token, record.sequence) }
    return .recorded
  }

  /// The worker says that it does not hold the run, though its last claim brought it.
  /// - Returns: whether the run goes back.
  mutating func returnUntouched(worker: String) -> Bool {
    guard status == .started, self.worker == worker, sequence == 0 else { return false }
    putBack(silentDeaths: 0)
    ending = ("", 0)
    return true
  }

  /// Whether a heartbeat that names the run under a token is told that another has it.
  func isLost(token: String) -> Bool {
    if status == .started { return self.token != token }
    return ending.token != token
  }

  /// The lease has lapsed.
  /// - Returns: whether the run goes back; nil when there is no lease.
  mutating func recover() -> Bool? {
    guard status == .started else { return nil }
    let deaths = sequence == 0 ? silentDeaths + 1 : 0
    if hasRiskyStep || deaths >= Self.crashLimit { crashes += 1 }
    if crashes >= Self.crashLimit {
      status = .failed
      logged.append("worker_crashed")
      return false
    }
    putBack(silentDeaths: deaths)
    isSuspect = crashes >= Self.crashLimit - 1
    ending = ("", 0)
    return true
  }

  private mutating func putBack(silentDeaths deaths: Int) {
    status = .queued
    silentDeaths = deaths
  }
}

/// Every key that wf writes, with its type and lifetime. The prefix is `wf:` unless configured.
///
/// ```
/// public (CONTRACT section 5)
///   job:{id}           hash    status, run_name, times, error; wf's own: token, seq, claims, crashes,     run + retain
///                              bytes (of log and result together, for who is about to read them), …,
///                              steps, inputs (JSON), and per recorded step `out:`, `stored:`,
///                              `place:`; large inputs and checkpoints leave when the result holds them
///   progress:{id}      list    JSON entries in order                                                     run + retain
///   result:{id}        string  JSON, written when it finishes, from its documents                       retain
///   store:{namespace}  list    JSON {job_id, step, data}, the newest WF_STORE_MAX_ITEMS                  retain after
///                                                                                                        last append
/// wf's own
///   queue:{format}     list    ids of queued runs; head = next                                           while queued
///   suspects:{format}  list    ids of queued runs whose next crash would end them                        while queued
///   elected            string  the worker that becomes empty for suspects                                one lease
///   live               zset    id of each queued or started run → when it was submitted, µs              while it is one
///   leases             zset    id of each started run → end of its lease, ms                             while started
///   workers            zset    worker id → until when it counts as alive, ms; a lease after a heartbeat  1 h after that
///   lease_lengths      hash    worker id → length of its lease, ms                                       as in workers
///   idle               zset    worker id → since when it has had room and found nothing queued, ms       a lease after last
///   recovery           hash    when workers last looked for lapsed leases and lost runs, and who         1 h after last
///   dead               zset    id of each run that took down too many workers → when, ms; newest 10,000   retain
///   repairs            hash    what was found broken and was repaired → how often                        for good
///   fallbacks          hash    minute of the hour → the minute since 1970 and the placeholders that    1 h after the last
///                              stood in for a model's words in it, as `29412345:7`
///   database           string  a random id: where it is gone, all else that wf wrote is gone too             for good
///   claim:{worker}     string  the worker's last claim and the runs that it brought                      4 leases
///   idempotency:{key}  string  job id and digest of the body                                             24 h
/// channels (publish/subscribe: they only say "look")
///   wake:{worker}      a run was enqueued for this idle worker
///   events:{id}        something was written to the run
/// ```
/// A retained key expires `WF_RETAIN_S` after its run's end; a run that has not ended is owned by a queue or a lease.
/// User-given names come last in a key, each after a word of its own, so they collide with nothing.
public struct Keys: Sendable, Equatable {
  /// What every key starts with.
  public let prefix: String

  /// Keys under a prefix.
  public init(prefix: String = "wf:") { self.prefix = prefix }

  /// The version of what is stored for a run. A worker reads the queues of its own version: it leaves newer runs alone.
  public static let format = 1

  func job(_ id: JobID) -> String { "\(prefix)job:\(id)" }
  func progress(_ id: JobID) -> String { "\(prefix)progress:\(id)" }
  func result(_ id: JobID) -> String { "\(prefix)result:\(id)" }
  func store(_ namespace: String) -> String { "\(prefix)store:\(namespace)" }
  func namespace(ofStore key: String) -> String? {
    let start = store("")
    guard key.utf8.starts(with: start.utf8) else { return nil }
    return String(decoding: key.utf8.dropFirst(start.utf8.count), as: UTF8.self)
  }
  func claim(_ worker: String) -> String { "\(prefix)claim:\(worker)" }
  func idempotency(_ key: String) -> String { "\(prefix)idempotency:\(key)" }
  var queue: String { "\(prefix)queue:\(Keys.format)" }
  var suspects: String { "\(prefix)suspects:\(Keys.format)" }
  var elected: String { "\(prefix)elected" }
  var live: String { "\(prefix)live" }
  var idle: String { "\(prefix)idle" }
  var recovery: String { "\(prefix)recovery" }
  var leases: String { "\(prefix)leases" }
  var workers: String { "\(prefix)workers" }
  var leaseLengths: String { "\(prefix)lease_lengths" }
  var dead: String { "\(prefix)dead" }
  var repairs: String { "\(prefix)repairs" }
  var fallbacks: String { "\(prefix)fallbacks" }
  var database: String { "\(prefix)database" }

  /// The keys that all runs share.
  var shared: [String] {
    [
      queue, suspects, elected, live, idle, recovery, leases, workers, leaseLengths, dead, repairs, fallbacks,
      database,
    ]
  }

  /// What the names of the channels on which idle workers are woken start with.
  var wakeChannel: String { "\(prefix)wake" }
  /// The channel on which a worker is woken when it is idle.
  public func wakeChannel(of worker: String) -> String { "\(wakeChannel):\(worker)" }
  /// The channel that says that a run has something new.
  public func eventsChannel(_ id: JobID) -> String { "\(prefix)events:\(id)" }
}

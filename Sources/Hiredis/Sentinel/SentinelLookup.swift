import LinuxSupport
import Synchronization

/// What a sentinel said of where the primary is.
struct SentinelAnswer: Sendable {
  /// The place of the sentinel in the address.
  let index: Int
  /// Where the primary is.
  let primary: RedisAddress.Host
}

/// What the links of this process to the same sentinels share: which one is asked first, namely the one that answered
/// last, and what it has named.
final class SentinelPreference: Sendable {
  private static let known = Mutex<[RedisAddress.Endpoint: SentinelPreference]>([:])

  private let index = Atomic(0)
  private let named = Mutex<RedisAddress.Host?>(nil)
  private let nextTurn = Mutex(MonotonicInstant.now)

  private init() {}

  /// The preference at an endpoint, shared by all links to it.
  static func of(_ endpoint: RedisAddress.Endpoint) -> SentinelPreference {
    known.withLock { known in
      let preference = known[endpoint] ?? SentinelPreference()
      known[endpoint] = preference
      return preference
    }
  }

  /// The place of the sentinel that is asked first.
  var first: Int {
    get { index.load(ordering: .relaxed) }
    set { index.store(newValue, ordering: .relaxed) }
  }

  /// The primary that a sentinel has named last.
  var primary: RedisAddress.Host? {
    get { named.withLock { $0 } }
    set { named.withLock { $0 = newValue } }
  }

  /// Whether the caller is to ask again: one link of the process per interval.
  func takesTurn(at now: MonotonicInstant, every interval: Duration) -> Bool {
    nextTurn.withLock { next in
      guard now >= next else { return false }
      next = now + interval
      return true
    }
  }

  /// Has another sentinel asked first: what this one named is no primary, so it may be cut off from the others.
  func passOver(_ sentinel: Int) {
    _ = index.compareExchange(expected: sentinel, desired: sentinel + 1, ordering: .relaxed)
  }
}

/// Asks sentinels for the primary, one after the other until one knows it. Blocks.
///
/// The steps are those of https://redis.io/docs/latest/develop/reference/sentinel-clients/; the role of the server is
/// looked at in the ``Handshake``.
struct SentinelLookup: Sendable {
  let hosts: [RedisAddress.Host]
  let name: String
  let login: RedisAddress.Login
  /// How long a sentinel may take to answer, its name resolved.
  let patience: Duration
  let preference: SentinelPreference

  /// Where the primary is.
  func find() -> Result<TargetLookup.Found, LinkFailure> {
    var failures: [Int: LinkFailure] = [:]
    let first = preference.first
    for number in hosts.indices {
      let index = (first + number) % hosts.count
      do throws(LinkFailure) {
        let primary = try primary(accordingTo: hosts[index])
        preference.first = index
        preference.primary = primary
        let targets = try NameLookup.targets(of: primary).get()
        return .success(.init(targets: targets, sentinel: SentinelAnswer(index: index, primary: primary)))
      } catch {
        failures[index] = error
      }
    }
    let all = failures.sorted { $0.key < $1.key }
    let reasons = all.map { "\(hosts[$0.key]): \($0.value.reason)" }.joined(separator: ", ")
    return .failure(
      LinkFailure(
        "no sentinel knows where the primary \(name) is (\(reasons))",
        remedy: all.lazy.compactMap(\.value.remedy).first))
  }

  /// Where the primary is, as one sentinel reports.
  func primary(accordingTo host: RedisAddress.Host) throws(LinkFailure) -> RedisAddress.Host {
    var question: RedisArguments = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME"]
    question.append(name)
    let reply = try SentinelQuestion(login: login, patience: patience).ask(question, at: host)
    if reply.isNull {
      throw LinkFailure(
        "it knows no primary of this name",
        remedy: "correct the name in REDIS_URL: it is that of sentinel monitor NAME in sentinel.conf")
    }
    let words = reply.array?.compactMap(\.string) ?? []
    guard words.count == 2, let port = UInt16(words[1]), port > 0 else {
      throw LinkFailure("it answered \(String(describing: reply).prefix(200))")
    }
    return RedisAddress.Host(name: words[0], port: Int(port))
  }
}

import SeededRandom
import SystemHarness

/// Something that goes wrong.
enum Fault: Sendable {
  /// A part dies: SIGKILL.
  case kill(String)
  /// A part is told to stop: SIGTERM.
  case terminate(String)
  /// A part stands still: SIGSTOP, later SIGCONT.
  case pause(String, Duration)
  /// Redis drops the connections of a type.
  case dropClients(String)
  /// Redis answers nobody, or no command that writes.
  case holdClients(String, Duration)
  /// Redis's wall clock steps by so many seconds.
  case stepClock(Int)
  /// Another Redis becomes the primary and gets the name; the old one stays reachable and refuses writes. Later back.
  case failOver
  /// Redis dies and has lost what it wrote last.
  case loseLastSecond
  /// Redis's user loses rights for a while.
  case revoke(String, Duration)
  /// A primary among servers on several hosts is harmed.
  case harm(Harm)
  /// An operator changes those servers.
  case change(String)

  /// The part that it happens to.
  var part: String {
    switch self {
    case .kill(let part), .terminate(let part), .pause(let part, _): part
    case .dropClients, .holdClients, .stepClock, .failOver, .loseLastSecond, .revoke, .harm, .change: "redis"
    }
  }

  /// What it is counted as.
  var kind: String {
    switch self {
    case .kill: "SIGKILL \(sort)"
    case .terminate: "SIGTERM \(sort)"
    case .pause: "SIGSTOP \(sort)"
    case .dropClients(let type): "CLIENT KILL TYPE \(type)"
    case .holdClients(let mode, _): "CLIENT PAUSE \(mode)"
    case .stepClock(let seconds): "clock \(seconds) s"
    case .failOver: "failover by READONLY"
    case .loseLastSecond: "last second lost"
    case .revoke(let rights, _): "ACL \(rights)"
    case .harm(let harm): harm.kind
    case .change(let change): change
    }
  }

  private var sort: String { part == "nginx-worker" ? part : String(part.prefix { $0.isLetter }) }
}

/// Which fault comes when: half of them in the workers, the others in Redis, the API and nginx.
struct FaultPlan {
  private let site: Site
  private var generator: SeededGenerator

  init(_ site: Site, seed: UInt64) {
    self.site = site
    generator = SeededGenerator(seed: seed)
  }

  /// How long nothing happens.
  mutating func pause() -> Duration { .milliseconds(Int.random(in: 1_500...4_000, using: &generator)) }

  /// The next fault of a part that is not in trouble already; nil when all that were drawn are.
  mutating func fault(sparing troubled: Set<String>) -> Fault? {
    for _ in 0..<20 {
      let fault = draw()
      if !troubled.contains(fault.part) { return fault }
    }
    return nil
  }

  private mutating func draw() -> Fault {
    guard let topology = site.topology else { return drawOnOneHost() }
    let fault = drawOnOneHost()
    if fault.part != "redis" { return fault }
    let isHarm = topology.changes.isEmpty || Int.random(in: 0..<3, using: &generator) > 0
    let change = topology.changes.randomElement(using: &generator)
    return isHarm ? .harm(Harm(&generator)) : .change(change ?? "")
  }

  private mutating func drawOnOneHost() -> Fault {
    switch Int.random(in: 0..<118, using: &generator) {
    case 0..<30: .kill(worker())
    case 30..<40: .kill(api())
    case 40..<53: .kill("redis")
    case 53..<55: .kill("nginx")
    case 55..<58: .kill("nginx-worker")
    case 58..<65: .terminate(worker())
    case 65..<69: .terminate(api())
    case 69..<71: .terminate("redis")
    case 71..<72: .terminate("nginx")
    case 72..<77: .pause(worker(), time())
    case 77..<84: .pause(worker(), timeOfRecovery())
    case 84..<86: .pause(api(), time())
    case 86..<90: .pause("redis", longTime())
    case 90..<91: .pause("nginx-worker", time())
    case 91..<97: .dropClients(["normal", "normal", "pubsub"].randomElement(using: &generator) ?? "normal")
    case 97..<100: .holdClients(["ALL", "WRITE"].randomElement(using: &generator) ?? "ALL", time())
    case 100..<105: .stepClock(Bool.random(using: &generator) ? 60 : -3_600)
    case 105..<109: .failOver
    case 109..<113: .loseLastSecond
    default: .revoke(rights(), time())
    }
  }

  private mutating func rights() -> String {
    ["-@all", "-@write", "-evalsha", "resetkeys", "resetchannels"].randomElement(using: &generator) ?? "-@all"
  }

  private mutating func worker() -> String { "worker-\(Int.random(in: 1...3, using: &generator))" }
  private mutating func api() -> String { site.apis.randomElement(using: &generator) ?? "api" }
  private mutating func time() -> Duration { .milliseconds(Int.random(in: 200...5_000, using: &generator)) }
  /// Beyond the 5 s after which API and worker stop waiting: the answer to what Redis then carries out reaches nobody.
  private mutating func longTime() -> Duration { .milliseconds(Int.random(in: 200...7_000, using: &generator)) }
  /// A worker that goes on while another has just taken over its runs.
  private mutating func timeOfRecovery() -> Duration { .milliseconds(Int.random(in: 2_000...3_000, using: &generator)) }
}

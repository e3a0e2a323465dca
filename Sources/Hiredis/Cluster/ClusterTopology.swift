import Glibc
import LinuxSupport
import Logging
import Synchronization

/// Receives changes of the cluster map.
protocol ClusterClient: AnyObject, Sendable {
  /// The map has changed. Called on the thread of the topology or of a link: it must not block.
  func mapHasChanged()
}

/// The map of a Redis Cluster, which all connections of this process to the same address share, and its thread, which
/// asks the nodes: every second, and at once when a client has reason to doubt the map.
///
/// The thread lives as long as there are clients.
final class ClusterTopology: Sendable {
  typealias Instant = MonotonicInstant

  private struct Client {
    weak var object: (any ClusterClient)?
  }

  private struct State {
    var map: ClusterMap?
    var epoch = 0
    var failure: LinkFailure?
    var clients: [ObjectIdentifier: Client] = [:]
    var isRunning = false
    var isDoubted = true
    var askedAt: Instant?
    /// The nodes, in the order in which they are asked.
    var hosts: [RedisAddress.Host] = []
  }

  private let configuration: LinkConfiguration
  private let state = Mutex(State())
  private let waker: Waker

  private init(_ configuration: LinkConfiguration) {
    self.configuration = configuration
    do { waker = try Waker() } catch { fatalError("\(error): raise the limit of descriptors (LimitNOFILE)") }
  }

  // MARK: Clients

  private struct Known {
    let address: RedisAddress
    weak var topology: ClusterTopology?
  }

  private static let known = Mutex<[Known]>([])

  /// The topology of an address, shared by all its connections.
  static func of(_ configuration: LinkConfiguration) -> ClusterTopology {
    known.withLock { known in
      known.removeAll { $0.topology == nil }
      if let topology = known.first(where: { $0.address == configuration.address })?.topology { return topology }
      let topology = ClusterTopology(configuration)
      known.append(Known(address: configuration.address, topology: topology))
      return topology
    }
  }

  /// Adds a client, which is not retained. It is to be removed at its end.
  func add(_ client: any ClusterClient) {
    let mustStart = state.withLock { state in
      state.clients[ObjectIdentifier(client)] = Client(object: client)
      defer { state.isRunning = true }
      return !state.isRunning
    }
    guard mustStart else { return }
    do {
      try SystemThread.detach(name: "redis-map") { [self] in run() }
    } catch {
      fatalError("no thread for the map of the Redis Cluster: \(error): raise the limit of threads (TasksMax)")
    }
  }

  /// Removes a client.
  func remove(_ client: ObjectIdentifier) {
    state.withLock { $0.clients[client] = nil }
    waker.wake()
  }

  // MARK: The map

  /// The node that serves a slot, as far as is known.
  func owner(of slot: Int) -> RedisAddress.Host? { state.withLock { $0.map?.owner(of: slot) } }

  /// The nodes that serve slots; nil while there is no map.
  var primaries: [RedisAddress.Host]? { state.withLock { $0.map?.primaries } }

  /// Why there is no map, or why no node has answered lately.
  var failure: LinkFailure? { state.withLock { $0.failure } }

  /// Why nothing can be sent to a slot.
  func failure(of slot: Int?) -> LinkFailure {
    state.withLock { state in
      if let slot, state.map != nil { return state.failure ?? .slotIsNotServed(slot) }
      return state.failure ?? LinkFailure("no node of the Redis Cluster has answered yet")
    }
  }

  /// Has the nodes asked soon: something contradicts the map.
  func doubt() {
    let wasDoubted = state.withLock { state in
      defer { state.isDoubted = true }
      return state.isDoubted
    }
    if !wasDoubted { waker.wake() }
  }

  /// Takes over what a node has answered: that another one serves a slot.
  func note(slot: Int, at node: RedisAddress.Host) {
    let hasChanged = state.withLock { state in
      guard state.map?.owner(of: slot) != node else { return false }
      state.map = state.map ?? ClusterMap()
      state.map?.serve(slot...slot, at: node)
      return true
    }
    doubt()
    if hasChanged { tellClients() }
  }

  private func tellClients() {
    let clients = state.withLock { $0.clients.values.compactMap(\.object) }
    for client in clients { client.mapHasChanged() }
  }

  // MARK: The thread

  private func run() {
    while let wait = timeToWait() {
      if wait > .zero {
        _ = waker.wait(milliseconds: Int32((wait / .milliseconds(1)).rounded(.up)))
        waker.drain()
      } else {
        ask()
      }
    }
  }

  /// How long until the nodes are to be asked; nil at the end.
  private func timeToWait() -> Duration? {
    state.withLock { state in
      if state.clients.isEmpty {
        state.isRunning = false
        return nil
      }
      guard let last = state.askedAt else { return .zero }
      let limits = configuration.limits
      let interval = state.isDoubted || state.failure != nil ? limits.clusterDoubt : limits.clusterCheck
      return max(last + interval - .now, .zero)
    }
  }

  private func ask() {
    let (hosts, epoch) = state.withLock { state in
      state.isDoubted = false
      return (candidates(state), state.epoch)
    }
    let lookup = ClusterLookup(address: configuration.address, patience: configuration.limits.sentinel)
    let result = Result { () throws(LinkFailure) in try lookup.find(at: hosts, since: epoch) }
    switch result {
    case .success(let answer): take(answer)
    case .failure(let failure):
      let isNew = state.withLock { state in
        defer { state.failure = failure }
        state.askedAt = .now
        return state.failure != failure
      }
      if isNew { log.warning("cannot read the map of the Redis Cluster, retrying: \(failure)") }
    }
  }

  private func take(_ answer: ClusterAnswer) {
    let (before, wasFailing) = state.withLock { state in
      let before = state.map
      let wasFailing = state.failure != nil
      state.map = answer.map
      // A cluster that was made again begins with a small number.
      state.epoch = answer.epoch
      state.failure = nil
      state.askedAt = .now
      // The one that knew it is asked first.
      state.hosts = [answer.node] + (answer.map.primaries + answer.map.replicas).filter { $0 != answer.node }
      return (before, wasFailing)
    }
    let primaries = answer.map.primaries
    if wasFailing || before?.primaries != primaries {
      let slots = answer.map.uncovered > 0 ? ", and \(answer.map.uncovered) slots are not served" : ""
      log.info("nodes of the Redis Cluster: \(primaries.map(\.description).joined(separator: ", "))\(slots)")
    }
    if before != answer.map { tellClients() }
  }

  /// All nodes that are known, and those of the address.
  private func candidates(_ state: State) -> [RedisAddress.Host] {
    var hosts = state.hosts
    if case .cluster(let seeds) = configuration.address.endpoint {
      hosts += seeds.filter { !hosts.contains($0) }
    }
    return hosts
  }

  private var log: Logger {
    var logger = configuration.logger
    logger[metadataKey: "redis"] = "\(configuration.address)"
    return logger
  }
}

import LinuxSupport
import Logging

/// Reads requests, calls the handler, and sends the responses.
final class Responder: Sendable {
  private let handler: @Sendable (FastCGIRequest) async -> FastCGIResponse
  private let configuration: FastCGIServerConfiguration
  private let table: ConnectionTable
  private let epoll: Epoll
  private let acceptor: Acceptor
  private let writers: [Writer]
  private let logger: Logger

  /// The longest body, in bytes, that a handler can process in well under a millisecond.
  private static let shortBody = 32 << 10

  /// - Parameter handler: called once for each complete request.
  init(
    handler: @escaping @Sendable (FastCGIRequest) async -> FastCGIResponse, configuration: FastCGIServerConfiguration,
    table: ConnectionTable, epoll: Epoll, acceptor: Acceptor, writers: [Writer], logger: Logger
  ) {
    self.handler = handler
    self.configuration = configuration
    self.table = table
    self.epoll = epoll
    self.acceptor = acceptor
    self.writers = writers
    self.logger = logger
  }

  /// Handles an event of a connection: reads the request that has arrived, blocking, and starts the task that answers
  /// it; or cancels the task of a client that has disconnected.
  func serve(_ descriptor: Int32) {
    switch table.action(on: descriptor, deadline: .now + configuration.readTimeout) {
    case .read(let connection): read(connection)
    case .abandon(let connection, let task):
      table.close(abandoned: connection)
      acceptor.resumeIfPaused()
      task.cancel()
    case nil: break
    }
  }

  /// Starts watching the peers whose requests are being handled, so that a hang-up cancels the task.
  ///
  /// For a hang-up only: a request that the peer sends early waits.
  func watchHandled() {
    table.watchHandled { epoll.rearm($0.descriptor, [.hangUp, .once]) }
  }

  private func read(_ connection: Connection) {
    let request: FastCGIRequest
    do throws(RequestFailure) {
      request = try connection.readRequest(bodyLimit: configuration.maxBodyBytes)
    } catch {
      error.log(to: logger)
      return close(connection)
    }
    let task = HandlerTask()
    table.beginHandling(connection, task)
    task.started(
      Task(executorPreference: executor(for: request)) { await self.answer(request, on: connection, task) })
  }

  /// Short requests run on the reactor thread, without waking another one; long bodies run on the global pool.
  private func executor(for request: FastCGIRequest) -> ThreadExecutor? {
    if case .complete(let body) = request.body, body.count > Self.shortBody { return nil }
    return .shared
  }

  private func answer(_ request: FastCGIRequest, on connection: Connection, _ task: HandlerTask) async {
    let response = await handler(request)
    // Yields so that responses that are ready at the same time are written together: nginx wakes up once for all of
    // them.
    await Task.yield()
    guard table.beginSending(on: connection, of: task) else {
      return logger.debug("client disconnected before its response", metadata: ["path": "\(request.path)"])
    }
    // Keeps `response.holding` until the response was sent.
    defer { withExtendedLifetime(response) {} }
    let isDelivered = await send(response, to: request, on: connection)
    if !isDelivered {
      logger.debug("client disconnected before the end of its response", metadata: ["path": "\(request.path)"])
    }
    if isDelivered, configuration.keepConnections, connection.isKeptByPeer {
      keepAlive(connection)
    } else {
      close(connection)
    }
  }

  private func send(_ response: FastCGIResponse, to request: FastCGIRequest, on connection: Connection) async -> Bool {
    let isHead = request.method == "HEAD"
    switch response.body {
    case .bytes(let body):
      let head = response.head(contentLength: body.count)
      return await send(head, isHead ? [] : [body], on: connection)
    case .pieces(let pieces):
      let head = response.head(contentLength: pieces.reduce(0) { $0 + $1.count })
      return await send(head, isHead ? [] : pieces, on: connection)
    case .stream(let produce):
      let head = response.head(contentLength: nil)
      return isHead ? await send(head, [], on: connection) : await stream(head, produce, on: connection)
    }
  }

  /// Sends a small response in one write that cannot block, and any other through a writer thread.
  private func send(_ head: [UInt8], _ body: [[UInt8]], on connection: Connection) async -> Bool {
    let length = body.reduce(head.count) { $0 + $1.count }
    if length <= Connection.sliceLength, connection.isWritable {
      return connection.write(head) && body.allSatisfy { connection.write($0) } && connection.endResponse()
    }
    let response = outgoingResponse(on: connection, isStream: false)
    response.send(head)
    for piece in body { response.send(piece) }
    return await response.finish()
  }

  private func stream(
    _ head: [UInt8], _ produce: @escaping @Sendable (FastCGIBodyStream) async -> Void, on connection: Connection
  ) async -> Bool {
    let response = outgoingResponse(on: connection, isStream: true)
    response.send(head)
    let producer = Task { await produce(FastCGIBodyStream(response)) }
    response.onEnding { producer.cancel() }
    table.beginStream(response)
    await producer.value
    return await response.finish()
  }

  private func outgoingResponse(on connection: Connection, isStream: Bool) -> OutgoingResponse {
    let writer = writers[Int(connection.descriptor) % writers.count]
    return OutgoingResponse(
      on: connection, by: writer, isStream: isStream, maxQueuedBytes: configuration.maxQueuedStreamBytes)
  }

  private func keepAlive(_ connection: Connection) {
    // Before the connection is idle and others may close it; and not under the table's lock, for which others wait.
    epoll.rearm(connection.descriptor, [.readable, .once])
    let isKept = table.endRequest(on: connection, deadline: .now + configuration.keepAliveTimeout) { [epoll] in
      epoll.rearm(connection.descriptor, [.readable, .once])
    }
    guard isKept else { return close(connection) }
    acceptor.resumeIfPaused()
  }

  private func close(_ connection: Connection) {
    table.close(connection)
    acceptor.resumeIfPaused()
  }
}

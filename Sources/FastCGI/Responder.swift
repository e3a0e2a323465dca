import LinuxSupport
import Logging

/// Reads requests, has them answered, and sends the answers.
final class Responder: Sendable {
  private let handler: @Sendable (FastCGIRequest) async -> FastCGIResponse
  private let configuration: FastCGIServerConfiguration
  private let table: ConnectionTable
  private let epoll: Epoll
  private let acceptor: Acceptor
  private let writers: [Writer]
  private let logger: Logger

  /// Bytes of a body that a handler looks at in well under a millisecond.
  private static let shortBody = 32 * 1_024

  /// A responder that answers with the handler.
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

  /// Does what an event of a connection asks for: reads the request that has arrived, blocking, and starts the task that
  /// answers it; or gives up a request whose client has left.
  func serve(_ descriptor: Int32) {
    switch table.turn(on: descriptor, deadline: .now + configuration.readTimeout) {
    case .read(let connection): read(connection)
    case .abandon(let connection, let task):
      table.close(abandoned: connection)
      acceptor.resumeIfPaused()
      task.cancel()
    case nil: break
    }
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
    // Only the end of the connection counts: what the peer sends early waits for its turn.
    epoll.rearm(connection.descriptor, [.hangUp, .once])
    task.started(
      Task(executorPreference: executor(for: request)) { await self.answer(request, on: connection, task) })
  }

  /// A large body takes long to look at, which is not for a thread that has others to serve.
  private func executor(for request: FastCGIRequest) -> ThreadExecutor? {
    if case .complete(let body) = request.body, body.count > Responder.shortBody { return nil }
    return .shared
  }

  private func answer(_ request: FastCGIRequest, on connection: Connection, _ task: HandlerTask) async {
    let response = await handler(request)
    // Answers that are ready at the same time go out together: the web server wakes up once for them.
    await Task.yield()
    guard table.beginSending(on: connection, of: task) else {
      return logger.debug("client gone before its answer", metadata: ["path": "\(request.path)"])
    }
    // What the response holds is let go of once it has been sent.
    defer { withExtendedLifetime(response) {} }
    let isDelivered = await send(response, to: request, on: connection)
    if !isDelivered {
      logger.debug("client gone before the end of its answer", metadata: ["path": "\(request.path)"])
    }
    if isDelivered, configuration.keepConnections, connection.isKeptByPeer {
      rest(connection)
    } else {
      close(connection)
    }
  }

  private func send(_ response: FastCGIResponse, to request: FastCGIRequest, on connection: Connection) async -> Bool {
    let isHead = request.method == "HEAD"
    switch response.body {
    case .bytes(let body):
      let head = ResponseHead.render(response, contentLength: body.count)
      return await send(head, isHead ? [] : [body], on: connection)
    case .pieces(let pieces):
      let head = ResponseHead.render(response, contentLength: pieces.reduce(0) { $0 + $1.count })
      return await send(head, isHead ? [] : pieces, on: connection)
    case .stream(let produce):
      let head = ResponseHead.render(response, contentLength: nil)
      return isHead ? await send(head, [], on: connection) : await stream(head, produce, on: connection)
    }
  }

  /// Small answers go out from here, in one write that cannot block; the others through a writer thread.
  private func send(_ head: [UInt8], _ body: [[UInt8]], on connection: Connection) async -> Bool {
    let length = body.reduce(head.count) { $0 + $1.count }
    if length <= Connection.sliceLength, connection.isWritable {
      return connection.write(head) && body.allSatisfy { connection.write($0) } && connection.endAnswer()
    }
    let delivery = delivery(on: connection, isStream: false)
    delivery.send(head)
    for piece in body { delivery.send(piece) }
    return await delivery.finish()
  }

  private func stream(
    _ head: [UInt8], _ produce: @escaping @Sendable (FastCGIBodyStream) async -> Void, on connection: Connection
  ) async -> Bool {
    let delivery = delivery(on: connection, isStream: true)
    delivery.send(head)
    let producer = Task { await produce(FastCGIBodyStream(delivery)) }
    delivery.onEnding { producer.cancel() }
    table.beginStream(delivery)
    await producer.value
    return await delivery.finish()
  }

  private func delivery(on connection: Connection, isStream: Bool) -> Delivery {
    let writer = writers[Int(connection.descriptor) % writers.count]
    return Delivery(
      on: connection, by: writer, isStream: isStream, maxQueuedBytes: configuration.maxQueuedStreamBytes)
  }

  private func rest(_ connection: Connection) {
    connection.release()
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

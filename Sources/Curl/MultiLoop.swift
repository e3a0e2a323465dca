import CCurl
import LinuxSupport
import Synchronization

/// The thread that drives all transfers of a client through one multi handle.
final class MultiLoop: Sendable {
  /// Where commands for the thread go.
  let mailbox: Mailbox
  private let thread: Mutex<SystemThread?>

  /// Starts the thread, which lives until `close`.
  init(_ configuration: HTTPClientConfiguration) {
    let multi = MultiHandle(configuration)
    let mailbox = Mailbox(waking: multi)
    self.mailbox = mailbox
    do {
      let thread = try SystemThread(name: "http-client") {
        var turn = Turn(multi: multi, mailbox: mailbox)
        while turn.run() {}
        turn.end()
      }
      self.thread = Mutex(thread)
    } catch {
      fatalError("no thread for the HTTP client: \(error): raise the limit of threads (TasksMax)")
    }
  }

  /// Fails every transfer with `closed` and waits for the thread. A second caller waits as well.
  func close() {
    mailbox.close()
    thread.withLock { thread in
      thread?.join()
      thread = nil
    }
  }
}

/// What the thread does over and over, and what only the thread may touch.
private struct Turn {
  let multi: MultiHandle
  let mailbox: Mailbox
  /// By easy handle. The reference keeps the transfer alive for libcurl's callbacks.
  var transfers: [UnsafeMutableRawPointer: Transfer] = [:]

  /// Carries out commands, moves bytes, then waits for sockets, timeouts and the mailbox; false once closed.
  mutating func run() -> Bool {
    let (commands, isClosed) = mailbox.take()
    for command in commands { carryOut(command) }
    if isClosed { return false }
    var running: Int32 = 0
    curl_multi_perform(multi.pointer, &running)
    finishCompleted()
    let code = curl_multi_poll(multi.pointer, nil, 0, 60_000, nil)
    precondition(code == CURLM_OK, "curl_multi_poll failed: \(String(cString: curl_multi_strerror(code)))")
    return true
  }

  /// Fails what is left, closes all connections, destroys the handle.
  mutating func end() {
    for transfer in transfers.values {
      curl_multi_remove_handle(multi.pointer, transfer.easy)
      transfer.pipe.finish(.failure(.closed))
    }
    transfers = [:]
    curl_multi_cleanup(multi.pointer)
  }

  private mutating func carryOut(_ command: Mailbox.Command) {
    switch command {
    case .start(let transfer): start(transfer)
    case .resume(let transfer): resume(transfer)
    case .abort(let transfer): remove(transfer.easy)
    }
  }

  private mutating func start(_ transfer: Transfer) {
    guard !transfer.pipe.isEnded else { return }  // cancelled on its way here
    let code = curl_multi_add_handle(multi.pointer, transfer.easy)
    precondition(code == CURLM_OK, "a transfer starts once: \(String(cString: curl_multi_strerror(code)))")
    transfers[transfer.easy] = transfer
  }

  /// libcurl brings the refused bytes again from within the call, so it may also fail within the call.
  private mutating func resume(_ transfer: Transfer) {
    guard transfers[transfer.easy] != nil else { return }
    let code = curl_easy_pause(transfer.easy, CURLPAUSE_CONT)
    guard code != CURLE_OK else { return }
    transfer.finish(code)
    remove(transfer.easy)
  }

  private mutating func finishCompleted() {
    var left: Int32 = 0
    while let message = curl_multi_info_read(multi.pointer, &left) {
      guard message.pointee.msg == CURLMSG_DONE, let easy = message.pointee.easy_handle else { continue }
      let code = message.pointee.data.result  // the message dies with the handle's removal
      transfers[easy]?.finish(code)
      remove(easy)
    }
  }

  /// Aborts what is not complete: the connection is closed then, and kept otherwise.
  private mutating func remove(_ easy: UnsafeMutableRawPointer) {
    guard transfers[easy] != nil else { return }
    curl_multi_remove_handle(multi.pointer, easy)
    transfers[easy] = nil  // last, since it may free the handle
  }
}

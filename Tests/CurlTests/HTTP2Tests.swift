import Glibc
import Synchronization
import Testing

@testable import Curl

/// Connections that are dead without a word, and HTTP/2.
@Suite(.timeLimit(.minutes(2)), .enabled(if: NginxTLS.isThere, "needs nginx and openssl"))
struct HTTP2Tests {
  @Test(.enabled(if: CurlLibrary.wakesWaitingRequests, "needs a libcurl that lets requests wait for HTTP/2 only"))
  func `Sixty requests at once share one HTTP/2 connection`() async throws {
    let server = try NginxTLS(http2: true, location: "return 200 fine;")
    defer { server.stop() }
    let client = HTTPClient(.init(authoritiesFile: server.certificate))
    try await withThrowingTaskGroup(of: Int.self) { group in
      for _ in 1...60 { group.addTask { try await client.send(HTTPRequest(url: server.url)).status } }
      for try await status in group { #expect(status == 200) }
    }
    let connections = try (1...60).map { try server.connection(ofRequest: $0) }
    #expect(Set(connections).count == 1)
  }

  @Test(.enabled(if: CurlLibrary.wakesWaitingRequests, "needs a libcurl that lets requests wait for HTTP/2 only"))
  func `Requests over TLS wait for the connection that is being made rather than make one each`() async throws {
    // The handshake never ends.
    let silent = TestServer { $0.awaitClose() }
    defer { silent.stop() }
    let other = TestServer.answering { _ in reply("fine") }
    defer { other.stop() }
    let client = HTTPClient()
    let request = HTTPRequest(url: silent.url.replacing("http:", with: "https:"))
    let exchanges = try (1...60).map { _ in try RequestHandle(request, over: client, buffering: .max) }
    // The client carries out what it is told in order, so by now it has begun them all.
    #expect(try await client.send(HTTPRequest(url: other.url)).status == 200)
    while silent.connectionCount == 0 {
      try Task.checkCancellation()
      await Task.yield()
    }
    #expect(silent.connectionCount == 1)
    withExtendedLifetime(exchanges) {}
  }

  @Test func `Requests over TLS without HTTP/2 do not wait for each other`() async throws {
    // Answers none before all are there.
    let gate = Gate()
    let count = 12
    let arrived = Atomic(0)
    let behind = TestServer { connection in
      guard connection.readRequest() != nil else { return }
      if arrived.add(1, ordering: .relaxed).newValue == count { gate.open() }
      gate.blockUntilOpen()
      connection.write(reply("fine"))
    }
    defer { behind.stop() }
    let server = try NginxTLS(http2: false, location: "proxy_pass \(behind.url);")
    defer { server.stop() }
    let client = HTTPClient(.init(authoritiesFile: server.certificate))
    try await withThrowingTaskGroup(of: Int.self) { group in
      for _ in 1...count { group.addTask { try await client.send(HTTPRequest(url: server.url)).status } }
      for try await status in group { #expect(status == 200) }
    }
  }

  @Test func `A certificate of an authority that nobody named is not trusted`() async throws {
    let server = try NginxTLS(http2: true, location: "return 200 fine;")
    defer { server.stop() }
    let error = await #expect(throws: HTTPError.self) { try await HTTPClient().send(HTTPRequest(url: server.url)) }
    guard case .untrusted = error else { return #expect(error == .untrusted("self-signed")) }
  }

  @Test(.enabled(if: NginxTLS.hasNamespaces, "needs root, iproute2 and iptables"))
  func `A connection whose packets are lost is given up, and its request gets a new one`() async throws {
    let server = try NginxTLS(http2: true, location: "return 200 fine;", isApart: true)
    defer { server.stop() }
    let client = HTTPClient(.init(unacknowledgedTimeout: .seconds(1), authoritiesFile: server.certificate))
    let request = HTTPRequest(url: server.url, timeout: .seconds(60))
    #expect(try await client.send(request).status == 200)
    try server.losePackets(ofPort: try server.port(ofRequest: 1))
    // Without a bound of its own the system would try for a quarter of an hour.
    #expect(try await client.send(request).status == 200)
    #expect(try server.port(ofRequest: 2) != server.port(ofRequest: 1))
  }

  @Test(.enabled(if: NginxTLS.hasNamespaces, "needs root, iproute2 and iptables"))
  func `A request may ask for a connection of its own while the old one is silent`() async throws {
    let server = try NginxTLS(http2: true, location: "return 200 fine;", isApart: true)
    defer { server.stop() }
    let client = HTTPClient(.init(unacknowledgedTimeout: .seconds(600), authoritiesFile: server.certificate))
    var request = HTTPRequest(url: server.url, timeout: .seconds(2))
    #expect(try await client.send(request).status == 200)
    try server.losePackets(ofPort: try server.port(ofRequest: 1))
    await #expect(throws: HTTPError.timedOut(.waiting)) { try await client.send(request) }
    request.needsFreshConnection = true
    request.timeout = .seconds(30)
    #expect(try await client.send(request).status == 200)
  }
}

/// nginx with TLS, on this host or in a network namespace of its own.
struct NginxTLS {
  let url: String
  /// What a client must trust.
  var certificate: String { folder + "/certificate" }
  private let folder: String
  private let namespace: String?

  static var isThere: Bool { has("nginx", "openssl") }
  static var hasNamespaces: Bool { geteuid() == 0 && has("ip", "iptables") }

  private static func has(_ commands: String...) -> Bool {
    commands.allSatisfy { system("command -v \($0) > /dev/null") == 0 }
  }

  /// - Parameters:
  ///   - location: what its only location does.
  ///   - isApart: whether it runs in a network namespace.
  init(http2: Bool, location: String, isApart: Bool = false) throws {
    let number = Int.random(in: 1...60_000)
    folder = "/tmp/wf-nginx-\(getpid())-\(number)"
    namespace = isApart ? "wf-test-\(number)" : nil
    let network = "10.213.\(number % 250)"
    let address = isApart ? "\(network).2" : "127.0.0.1"
    let port = isApart ? 443 : TestServer.freePort()
    url = "https://\(address):\(port)/"
    try run("mkdir -p \(folder)")
    try run(
      "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=wf.test -addext subjectAltName=IP:\(address)"
        + " -keyout \(folder)/key -out \(certificate) -days 2 2> /dev/null")
    if let namespace {
      for command in [
        "netns add \(namespace)", "link add wft\(number) type veth peer name wfb\(number) netns \(namespace)",
        "addr add \(network).1/30 dev wft\(number)", "link set wft\(number) up",
        "-n \(namespace) addr add \(address)/30 dev wfb\(number)", "-n \(namespace) link set wfb\(number) up",
      ] { try run("ip \(command)") }
    }
    let configuration = """
      user root; pid \(folder)/pid; error_log \(folder)/error.log; worker_processes 1; events { worker_connections 512; }
      http {
        log_format connections "$connection $remote_port"; access_log \(folder)/access.log connections;
        client_body_temp_path \(folder)/b; proxy_temp_path \(folder)/p; fastcgi_temp_path \(folder)/f;
        uwsgi_temp_path \(folder)/u; scgi_temp_path \(folder)/s;
        server {
          listen \(address):\(port) ssl\(http2 ? " http2" : "");
          ssl_certificate \(certificate); ssl_certificate_key \(folder)/key;
          location / { \(location) }
        }
      }
      """
    try run("cat > \(folder)/nginx.conf << 'END'\n\(configuration)\nEND")
    try inside("nginx -c \(folder)/nginx.conf 2> \(folder)/start.log")
  }

  /// Has the packets of a client's connection dropped, in both directions.
  func losePackets(ofPort port: String) throws {
    try inside("iptables -A INPUT -p tcp --sport \(port) -j DROP")
    try inside("iptables -A OUTPUT -p tcp --dport \(port) -j DROP")
  }

  /// nginx's number of the connection of a request, the requests counted from 1.
  func connection(ofRequest number: Int) throws -> String { try line(number)[0] }

  /// The client's port of a request.
  func port(ofRequest number: Int) throws -> String { try line(number)[1] }

  func stop() {
    system("kill $(cat \(folder)/pid); rm -rf \(folder)")
    if let namespace { system("ip netns del \(namespace)") }
  }

  private func inside(_ command: String) throws {
    try run(namespace.map { "ip netns exec \($0) sh -c \"\(command)\"" } ?? command)
  }

  private func run(_ command: String) throws {
    struct Failed: Error { let command: String }
    guard system(command) == 0 else { throw Failed(command: command) }
  }

  /// A line of the log, which nginx writes a little after its answer.
  private func line(_ number: Int) throws -> [String] {
    struct Missing: Error { let number: Int }
    let deadline = ContinuousClock.now + .seconds(20)
    while .now < deadline {
      let lines = log().split(separator: "\n", omittingEmptySubsequences: false)
      if lines.count > number { return lines[number - 1].split(separator: " ").map(String.init) }
      usleep(5_000)
    }
    throw Missing(number: number)
  }

  private func log() -> String {
    guard let file = fopen("\(folder)/access.log", "r") else { return "" }
    defer { fclose(file) }
    var text = [UInt8](repeating: 0, count: 1 << 16)
    let count = fread(&text, 1, text.count, file)
    return String(decoding: text[..<count], as: UTF8.self)
  }
}

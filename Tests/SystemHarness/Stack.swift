public import Curl
public import ExactJSON
import Glibc
public import Hiredis
import Logging
public import RedisFixture
import Subprocess
import SystemPackage
import WorkflowStore

/// A running `wf dev`: real nginx, Redis, API and workers, reached from outside.
public struct Stack: Sendable {
  /// The public URL.
  public let url: String
  /// The folder with sockets, logs and process ids.
  public let folder: String
  /// Looks at Redis.
  public let redis: RedisConnection
  /// The stores of its partitions.
  let partitions: Partitions
  private let http = HTTPClient()

  /// How a stack is to be.
  public struct Options: Sendable {
    /// Worker processes.
    public var workers: Int
    /// API processes.
    public var apis: Int
    /// Settings, as environment variables.
    public var settings: [String: String]
    /// Lines of a redis.conf.
    public var redis: [String]
    /// The URL of a Redis in place of one that the stack starts.
    public var redisURL: String?
    /// Among how many partitions the runs are divided.
    public var partitions: Int

    /// A stack of so many processes.
    public init(
      workers: Int = 1, apis: Int = 1, settings: [String: String] = [:], redis: [String] = [],
      redisURL: String? = nil, partitions: Int = TestPartitions.count
    ) {
      self.redisURL = redisURL
      self.partitions = partitions
      self.workers = workers
      self.apis = apis
      self.settings = settings
      self.redis = redis
    }
  }

  /// Runs a body against a stack of its own, which is gone afterwards.
  public static func with(
    _ options: Options = Options(), _ body: @escaping @Sendable (Stack) async throws -> Void
  ) async throws {
    try await withProcess(options) { url, redis, folder in
      let stack = try Stack(url: url, redis: redis, folder: folder, partitions: options.partitions)
      defer { stack.redis.close() }
      try await body(stack)
    }
  }

  private init(url: String, redis address: String, folder: String, partitions count: Int) throws {
    self.url = url
    self.folder = folder
    redis = RedisConnection(
      try RedisAddress(address), name: "tests", logger: Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() })
    partitions = Partitions(redis, keys: Keys(), count: count)
  }

  /// The stack lives as long as its command's standard input is open, so that it goes when the tests do.
  private static func withProcess(
    _ options: Options,
    _ body: @escaping @Sendable (_ url: String, _ redis: String, _ folder: String) async throws -> Void
  ) async throws {
    let configuration = "/tmp/wf-redis-\(UInt64.random(in: .min ... .max)).conf"
    let file = try FileDescriptor.open(
      FilePath(configuration), .writeOnly, options: [.create], permissions: [.ownerReadWrite])
    _ = try file.closeAfter { try file.writeAll(options.redis.joined(separator: "\n").utf8) }
    defer { unlink(configuration) }
    let redis = options.redisURL.map { ["--redis-url", $0] } ?? ["--redis-config", configuration]
    let arguments =
      ["dev", "--workers", "\(options.workers)", "--apis", "\(options.apis)"] + redis
      // wf dev has put its folder's bin at the head of the PATH.
      + ["--", "sh", "-c", "wf=$(command -v wf); echo $WF_URL $REDIS_URL ${wf%/bin/wf}; exec cat > /dev/null"]
    let settings = options.settings.merging(Stack.partitionSetting(options.partitions)) { own, _ in own }
    let changes = Dictionary(
      uniqueKeysWithValues: settings.compactMap { name, value in
        Environment.Key(rawValue: name).map { ($0, Optional(value)) }
      })
    // Whatever ends the tests' process group leaves wf dev the time to clean up.
    var platformOptions = PlatformOptions()
    platformOptions.processGroupID = 0
    _ = try await Subprocess.run(
      .path(FilePath(executable)), arguments: Arguments(arguments), environment: .inherit.updating(changes),
      platformOptions: platformOptions, input: .inputWriter, output: .sequence, error: .currentStandardError
    ) { execution in
      var lines = execution.standardOutput.strings().makeAsyncIterator()
      let words = try await lines.next()?.split(whereSeparator: \.isWhitespace).map(String.init) ?? []
      guard words.count == 3 else { throw StackFailure("wf dev did not become ready") }
      try await body(words[0], words[1], words[2])
      try await execution.standardInputWriter.finish()
    }
  }

  /// The setting for this many partitions; none for one, as in production.
  public static func partitionSetting(_ count: Int = TestPartitions.count) -> [String: String] {
    count == 1 ? [:] : ["WF_PARTITIONS": "\(count)"]
  }

  /// The `wf` that was built together with the tests.
  public static var executable: String {
    guard let tests = realpath("/proc/self/exe", nil) else { return "wf" }
    defer { free(tests) }
    return FilePath(String(cString: tests)).removingLastComponent().appending("wf").string
  }

  // MARK: Over HTTP

  /// Sends a request to a path.
  public func send(
    _ method: String = "GET", _ path: String, headers: [HTTPHeader] = [], body: [UInt8]? = nil
  ) async throws -> HTTPResponse {
    try await http.send(
      HTTPRequest(
        method: method, url: url + path, headers: headers, body: body, timeout: .seconds(60),
        maxResponseBytes: 256 << 20))
  }

  /// Posts a body as JSON.
  public func post(_ body: String, headers: [HTTPHeader] = []) async throws -> HTTPResponse {
    try await post(Array(body.utf8), headers: headers)
  }

  /// Posts a body as JSON.
  public func post(_ body: [UInt8], headers: [HTTPHeader] = []) async throws -> HTTPResponse {
    try await send(
      "POST", "/workflow/run", headers: [("Content-Type", "application/json")] + headers, body: body)
  }

  /// Submits a workflow.
  /// - Returns: its job's id.
  public func submit(_ body: JSONValue) async throws -> String {
    let response = try await post(body.bytes)
    guard response.status == 202, let id = try response.json["job_id"]?.stringValue else {
      throw StackFailure("\(response.status): \(String(decoding: response.body, as: UTF8.self))")
    }
    return id
  }

  /// The status of a job.
  public func status(_ id: String) async throws -> JSONObject { try await send("GET", "/status/\(id)").json }

  /// Waits until a job has come to its end.
  public func end(of id: String, within limit: Duration = .seconds(60)) async throws -> JSONObject {
    try await wait("the end of \(id)", within: limit) {
      let status = try await status(id)
      let isOver = ["finished", "failed", "cancelled"].contains(status["status"]?.stringValue)
      return isOver ? status : nil
    }
  }

  /// Submits a workflow and waits for its end.
  public func run(_ body: JSONValue) async throws -> JSONObject { try await end(of: submit(body)) }

  // MARK: Faults

  /// Sends a signal to a part, such as `worker-1` or `redis`.
  public func signal(_ signal: Int32, to part: String) throws { kill(try processID(of: part), signal) }

  /// The process id of a part.
  public func processID(of part: String) throws -> Int32 {
    let text = try String(decoding: Stack.read("\(folder)/\(part).pid"), as: UTF8.self)
    guard let id = Int32(text.filter(\.isNumber)) else { throw StackFailure("\(part) has no process id") }
    return id
  }

  /// The log of a part.
  public func log(of part: String) throws -> String {
    String(decoding: try Stack.read("\(folder)/log/\(part).log"), as: UTF8.self)
  }

  /// Reads a file.
  public static func read(_ path: String) throws -> [UInt8] {
    let file = try FileDescriptor.open(FilePath(path), .readOnly)
    return try file.closeAfter {
      var bytes: [UInt8] = []
      var piece = [UInt8](repeating: 0, count: 1 << 16)
      while case let count = try piece.withUnsafeMutableBytes({ try file.read(into: $0) }), count > 0 {
        bytes += piece[..<count]
      }
      return bytes
    }
  }

  /// Sends a command to Redis.
  public func command(_ words: String...) async throws -> RedisReply {
    var arguments = RedisArguments()
    for word in words { arguments.append(word) }
    // In a cluster to the node of the key, if there is one.
    return try await (words.count > 1 ? redis.routed(to: words[1]) : redis).send(arguments, timeout: .seconds(20))
  }
}

/// Why a test could not go on.
public struct StackFailure: Error, CustomStringConvertible {
  /// The sentence.
  public let description: String

  /// A sentence.
  public init(_ description: String) { self.description = description }
}

/// Looks until something is there.
/// - Parameter look: returns nil as long as it is not.
public func wait<Found: Sendable>(
  _ what: String, within limit: Duration = .seconds(60), _ look: () async throws -> Found?
) async throws -> Found {
  let deadline = ContinuousClock.now + limit
  while true {
    if let found = try await look() { return found }
    guard ContinuousClock.now < deadline else { throw StackFailure("waited \(limit) for \(what)") }
    try await ContinuousClock().sleep(for: .milliseconds(5))
  }
}

extension HTTPResponse {
  /// The body as a JSON object.
  public var json: JSONObject {
    get throws {
      guard let object = try JSONValue(deeply: body).objectValue else {
        throw StackFailure("no JSON object: \(String(decoding: body, as: UTF8.self))")
      }
      return object
    }
  }
}

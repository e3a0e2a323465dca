import Curl
import Glibc
import SystemPackage

extension Settings {
  /// The settings of a service: the environment of this process.
  static func ofService() throws -> Settings { try Settings(reader(files: [])) }

  /// The settings of the parts of `wf dev`: the environment of this process, and `.env` in the working directory,
  /// without those that `wf dev` sets itself.
  /// - Parameter own: the names of these.
  static func forDev(without own: [String]) throws -> Settings {
    let files = [SettingsFile.dotEnv()].compactMap(\.self).map { file in
      var file = file
      file.values = file.values.filter { !own.contains($0.key) }
      file.faults = file.faults.filter { !own.contains($0.name) }
      return file
    }
    return try Settings(reader(files: files, environment: environment.filter { !own.contains($0.key) }))
  }

  /// How a command that a person calls reaches the API, from the same places as `forClient`. Other settings may be
  /// faulty.
  static func apiAccess() throws -> APIClient.Access {
    var reader = clientReader()
    let access = APIClient.Access(url: Settings.url(&reader), key: Settings.apiKey(&reader))
    reader.refuseUnknown()
    let problems = SettingNames.ordered(["WF_URL", "WF_API_KEY"]) { $0 }.flatMap { reader.problems(of: $0) }
    guard problems.isEmpty else { throw Invalid(problems: problems) }
    return access
  }

  /// The file with the keys of the API, for `wf keys`. Other settings may be faulty.
  static func apiKeysFile() throws -> String? {
    var reader = clientReader()
    let path = reader.text("WF_API_KEYS_FILE")
    reader.refuseUnknown()
    let problems = reader.problems(of: "WF_API_KEYS_FILE")
    guard problems.isEmpty else { throw Invalid(problems: problems) }
    return path
  }

  /// The models, for `wf models`: from the same places as `forClient`, with the credentials of the worker on this host.
  /// Settings that say nothing of models may be faulty.
  static func models() async throws -> (models: ModelSettings, calls: HTTPClientConfiguration) {
    var reader = await clientReader(credentials: HostCredentials.ofHost().paths)
    let models = Settings.models(&reader)
    let authorities = Settings.authorities(&reader, areNeeded: models.catalog != nil)
    let usesProxy = reader.integer("WF_PROXY_ENV", default: 0, in: 0...1) == 1
    reader.refuseUnknown()
    let names = SettingNames.all.filter { $0.hasPrefix("WF_LLM_") || ["WF_MODELS_FILE", "WF_PROXY_ENV"].contains($0) }
    var problems: [String] = []
    for problem in names.flatMap({ reader.problems(of: $0) }) where !problems.contains(problem) {
      problems.append(problem)
    }
    guard problems.isEmpty else { throw Invalid(problems: problems) }
    let calls = HTTPClientConfiguration(proxy: usesProxy ? .environment : .none, authoritiesFile: authorities)
    return (models, calls)
  }

  /// The key that the commands send.
  static func apiKey(_ reader: inout SettingsReader) -> String? {
    let key = trimmed(reader.text("WF_API_KEY", isSecret: true))
    if let key, let fault = fault(ofKey: key) { reader.refuse("WF_API_KEY", "WF_API_KEY: \(fault)") }
    return key
  }

  /// A reader of this process's environment, of files that it overrides, and of credentials (`LoadCredential=`,
  /// systemd.exec(5)).
  /// - Parameter credentials: the files that hold them, by the credential's name.
  static func reader(
    files: [SettingsFile], environment: [String: String] = environment,
    credentials paths: [String: String] = HostCredentials.ofProcess.paths
  ) -> SettingsReader {
    var credentials: [String: String] = [:]
    // Not its content: the file is read for every connection to Redis.
    credentials["redis_password"] = paths["redis_password"]
    var faults: [(name: String, sentence: String)] = []
    let settings = [
      ("llm_api_key", "WF_LLM_API_KEY"), ("callback_secret", "WF_CALLBACK_SECRET"), ("api_key", "WF_API_KEY"),
    ]
    for (credential, name) in settings {
      guard let path = paths[credential] else { continue }
      do {
        // Line ends around it are the editor's; one within it is refused with the other settings.
        credentials[name] = String(decoding: try Files.read(path), as: UTF8.self)
      } catch {
        faults.append((name, "the credential \(credential) cannot be read: \(error)"))
      }
    }
    var reader = SettingsReader(
      environment: environment, files: files, credentials: credentials, credentialFiles: paths)
    for fault in faults { reader.refuse(fault.name, fault.sentence) }
    return reader
  }

  /// The settings for a command that a person calls: of the environment, of `.env` in the working directory, and of the
  /// services on this host, each before the next. Says on standard error that it has read those of the services, or
  /// that it may not although nothing else says where the API is.
  static func forClient() throws -> Settings { try Settings(clientReader()) }

  private static func clientReader(
    credentials: [String: String] = HostCredentials.ofProcess.paths
  ) -> SettingsReader {
    var files = [SettingsFile.dotEnv()].compactMap(\.self)
    do {
      if let host = try SettingsFile.ofHost() {
        Terminal.say("wf: using the settings of \(host.path)")
        files.append(host)
      }
    } catch {
      if environment["WF_URL"] == nil, files.first?.values["WF_URL"] == nil {
        Terminal.say(
          "wf: \(SettingsFile.hostPath) is not used: only root and its group may read it; sudo, or set WF_URL")
      }
    }
    return reader(files: files, credentials: credentials)
  }

  /// The environment of this process.
  static var environment: [String: String] {
    var values: [String: String] = [:]
    var entry = environ
    while let text = entry.pointee {
      let line = String(cString: text)
      if let equals = line.firstIndex(of: "=") {
        values[String(line[..<equals])] = String(line[line.index(after: equals)...])
      }
      entry += 1
    }
    return values
  }
}

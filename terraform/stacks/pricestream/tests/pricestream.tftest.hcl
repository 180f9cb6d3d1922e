mock_provider "aws" {
  source = "../../mocks"
}

variables {
  zips     = "tests/zips"
  settings = { stage = "test" }
}

run "everything_is_named_after_the_stage_and_the_service" {
  command = plan
  assert {
    condition     = alltrue([for name, f in module.function : f.name == "pricestream-test-${name}"]) && length(module.function) == 6
    error_message = "There are six functions."
  }
  assert {
    condition     = output.tables == { for name in ["inventory", "prices", "history", "catalogue", "documents", "alerts", "usage", "orders"] : name => "pricestream-test-${name}" }
    error_message = "There are eight tables."
  }
  assert {
    condition     = keys(module.route) == ["cache-writer", "low-stock-alert", "pricing-calculator"] && alltrue([for name, r in module.route : r.queue.name == "pricestream-test-${name}" && r.dead_letter_queue.name == "pricestream-test-${name}-dlq"])
    error_message = "Three functions listen, each through a queue with a dead-letter queue."
  }
  assert {
    condition     = output.bus_name == "pricestream-test" && length(module.cache) == 1 && length(module.network) == 1 && length(aws_kms_key.this) == 2
    error_message = "A bus, a cache in its network, two keys."
  }
}

run "variables_are_those_of_the_contract" {
  command = apply
  assert {
    condition     = alltrue([for name, wanted in local.contract.variables : length(setsubtract(wanted, keys(local.variables[name]))) == 0])
    error_message = "There is a value, or a known null, for each variable that the code reads."
  }
  assert {
    condition     = local.variables.price-api.PRICESTREAM_CACHE_USER == "pricestream-test-reader" && local.variables.cache-writer.PRICESTREAM_CACHE_USER == "pricestream-test-writer" && local.variables.reconciler.PRICESTREAM_CACHE_USER == "pricestream-test-writer"
    error_message = "price-api only reads the cache."
  }
  assert {
    condition     = [for pair in split(",", local.shared_variables.PRICESTREAM_QUEUES) : split("=", pair)[0]] == ["cache-writer", "low-stock-alert", "pricing-calculator"]
    error_message = "The work queues are told by name."
  }
  assert {
    condition     = [for pair in split(",", local.shared_variables.PRICESTREAM_DEAD_LETTER_QUEUES) : split("=", pair)[0]] == ["cache-writer", "low-stock-alert", "pricing-calculator", "quarantine"]
    error_message = "So are the queues for what failed."
  }
}

run "an_emulator_goes_without_network_cache_and_keys" {
  command = plan
  variables {
    settings = {
      stage      = "local", architectures = ["x86_64"], network = { enabled = false }, cache = { url = "redis://127.0.0.1:6379" }
      encryption = { enabled = false }, tracing = { mode = "PassThrough" }, alarms = { by_service = false }
    }
  }
  assert {
    condition     = length(module.cache) + length(module.network) + length(aws_kms_key.this) == 0 && length(module.observability.service_alarm_names) == 0
    error_message = "What the emulator lacks is not made."
  }
  assert {
    condition     = local.variables.price-api.PRICESTREAM_CACHE_URL == "redis://127.0.0.1:6379" && local.variables.price-api.PRICESTREAM_CACHE_USER == null && local.variables.price-api.PRICESTREAM_CACHE_NAME == null
    error_message = "The cache is the given one, without IAM users."
  }
  assert {
    condition     = !contains(keys(local.statements.price-api), "Cache")
    error_message = "There is no user to be."
  }
}

run "a_network_with_a_cache_of_others" {
  command = plan
  variables {
    settings = { stage = "test", cache = { url = "rediss://cache.example.com:6379" } }
  }
  assert {
    condition     = length(module.cache) == 0 && length(module.network) == 1
    error_message = "The network stays, the cache is not ours."
  }
}

run "a_function_can_be_changed_in_one_value" {
  command = plan
  variables {
    settings = { stage = "test", functions = { pricing-calculator = { timeout = 30 }, price-api = { reserved_concurrency = 100 } } }
  }
  assert {
    condition     = local.functions.pricing-calculator.timeout == 30 && local.functions.pricing-calculator.memory_size == 1024 && local.functions.price-api.reserved_concurrency == 100
    error_message = "The other values stay."
  }
}

run "production" {
  command = plan
  variables {
    settings = { stage = "prod", alarms = { page = ["oncall@example.com"] }, budget = { monthly_usd = 1, emails = ["a@example.com"] } }
    tokens   = { admin_sha256 = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", ingest_sha256 = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb" }
  }
  assert {
    condition     = local.shared_variables.PRICESTREAM_ADMIN_TOKEN_SHA256 == var.tokens.admin_sha256
    error_message = "Functions know the hash of the token."
  }
}

run "a_stage_with_a_hyphen_is_refused" {
  command = plan
  variables {
    settings = { stage = "pre-prod" }
  }
  expect_failures = [var.settings]
}

run "no_network_and_no_cache_are_refused" {
  command = plan
  variables {
    settings = { stage = "test", network = { enabled = false } }
  }
  expect_failures = [var.settings]
}

run "a_cache_over_http_is_refused" {
  command = plan
  variables {
    settings = { stage = "test", cache = { url = "http://cache:6379" } }
  }
  expect_failures = [var.settings]
}

run "a_change_to_no_function_is_refused" {
  command = plan
  variables {
    settings = { stage = "test", functions = { prices = { timeout = 5 } } }
  }
  expect_failures = [var.settings]
}

run "a_key_lost_after_a_day_is_refused" {
  command = plan
  variables {
    settings = { stage = "test", encryption = { deletion_window_days = 1 } }
  }
  expect_failures = [var.settings]
}

run "traces_to_no_url_are_refused" {
  command = plan
  variables {
    settings = { stage = "test", tracing = { otlp_endpoint = "collector:4318" } }
  }
  expect_failures = [var.settings]
}

run "production_without_recovery_is_refused" {
  command = plan
  variables {
    settings = { stage = "prod", alarms = { page = ["oncall@example.com"] }, budget = { monthly_usd = 1, emails = ["a@example.com"] }, tables = { point_in_time_recovery = false } }
    tokens   = { admin_sha256 = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", ingest_sha256 = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb" }
  }
  expect_failures = [var.settings]
}

run "production_without_protection_is_refused" {
  command = plan
  variables {
    settings = { stage = "prod", alarms = { page = ["oncall@example.com"] }, budget = { monthly_usd = 1, emails = ["a@example.com"] }, tables = { deletion_protection = false } }
    tokens   = { admin_sha256 = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", ingest_sha256 = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb" }
  }
  expect_failures = [var.settings]
}

run "production_with_a_single_node_is_refused" {
  command = plan
  variables {
    settings = { stage = "prod", alarms = { page = ["oncall@example.com"] }, budget = { monthly_usd = 1, emails = ["a@example.com"] }, cache = { nodes = 1 } }
    tokens   = { admin_sha256 = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", ingest_sha256 = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb" }
  }
  expect_failures = [var.settings]
}

run "production_with_a_cache_of_others_is_refused" {
  command = plan
  variables {
    settings = { stage = "prod", alarms = { page = ["oncall@example.com"] }, budget = { monthly_usd = 1, emails = ["a@example.com"] }, cache = { url = "redis://cache:6379" } }
    tokens   = { admin_sha256 = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", ingest_sha256 = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb" }
  }
  expect_failures = [var.settings]
}

run "production_without_keys_is_refused" {
  command = plan
  variables {
    settings = { stage = "prod", alarms = { page = ["oncall@example.com"] }, budget = { monthly_usd = 1, emails = ["a@example.com"] }, encryption = { enabled = false } }
    tokens   = { admin_sha256 = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", ingest_sha256 = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb" }
  }
  expect_failures = [var.settings]
}

run "production_that_pages_nobody_is_refused" {
  command = plan
  variables {
    settings = { stage = "prod" }
    tokens   = { admin_sha256 = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", ingest_sha256 = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb" }
  }
  expect_failures = [var.settings]
}

run "missing_zips_are_refused" {
  command = plan
  variables {
    zips = "tests"
  }
  expect_failures = [var.zips]
}

run "a_token_in_place_of_its_hash_is_refused" {
  command = plan
  variables {
    tokens = { admin_sha256 = "secret" }
  }
  expect_failures = [var.tokens]
}

run "production_without_tokens_is_refused" {
  command = plan
  variables {
    settings = { stage = "prod", alarms = { page = ["oncall@example.com"] }, budget = { monthly_usd = 1, emails = ["a@example.com"] } }
  }
  expect_failures = [var.tokens]
}

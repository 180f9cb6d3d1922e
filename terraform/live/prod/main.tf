module "pricestream" {
  source = "../../stacks/pricestream"
  zips   = var.zips
  tokens = var.tokens
  settings = {
    stage         = "prod"
    architectures = var.architectures
    network       = { zones = 3 }
    cache         = { node_type = "cache.m7g.large", nodes = 3 }
    logs          = { retention_days = 90 }
    events        = { archive_days = 14 }
    api           = { rate = 5000, burst = 10000 }
    functions = {
      pricing-calculator = { maximum_concurrency = 200 }
      cache-writer       = { maximum_concurrency = 100 }
    }
    alarms = { page = ["pricing-oncall@example.com"], ticket = ["pricing@example.com"] }
    budget = { monthly_usd = 1500, emails = ["pricing@example.com"] }
  }
}

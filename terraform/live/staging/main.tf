module "pricestream" {
  source = "../../stacks/pricestream"
  zips   = var.zips
  tokens = var.tokens
  settings = {
    stage         = "staging"
    architectures = var.architectures
    tables        = { deletion_protection = false }
    encryption    = { deletion_window_days = 7 }
    logs          = { retention_days = 14 }
    alarms        = { ticket = ["pricing@example.com"] }
    budget        = { monthly_usd = 300, emails = ["pricing@example.com"] }
  }
}

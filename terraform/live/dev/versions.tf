terraform {
  required_version = ">= 1.11"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
  }

  # The bucket is made by the root `bootstrap` and given to init: -backend-config=bucket=NAME
  backend "s3" {
    key          = "pricestream/dev.tfstate"
    region       = "eu-west-1"
    encrypt      = true
    use_lockfile = true
  }
}

provider "aws" {
  region              = "eu-west-1"
  allowed_account_ids = var.account_id == null ? null : [var.account_id]
  default_tags {
    tags = { service = "pricestream", stage = "dev", managed_by = "terraform" }
  }
}

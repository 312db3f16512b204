-- +goose Up

-- catalog

CREATE TABLE categories (
    name text PRIMARY KEY CHECK (name <> '')
);

CREATE TABLE products (
    id text PRIMARY KEY CHECK (id ~ '^[a-z0-9-]{1,40}$'),
    name text NOT NULL UNIQUE CHECK (name <> ''),
    description text NOT NULL,
    category text NOT NULL REFERENCES categories,
    price_minor_units bigint NOT NULL CHECK (price_minor_units > 0),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    -- 1 sells best.
    sales_rank integer NOT NULL UNIQUE CHECK (sales_rank > 0)
);

-- One category, a page at a time.
CREATE INDEX products_category_id ON products (category, id);

CREATE TABLE related_products (
    product_id text NOT NULL REFERENCES products,
    related_id text NOT NULL REFERENCES products,
    -- How well they go together: the more the better.
    weight integer NOT NULL CHECK (weight > 0),
    PRIMARY KEY (product_id, related_id),
    CHECK (product_id <> related_id)
);

-- stock

CREATE TABLE stock_levels (
    product_id text PRIMARY KEY REFERENCES products,
    units integer NOT NULL CHECK (units >= 0)
);

-- payments

CREATE TABLE payments (
    id uuid PRIMARY KEY,
    -- One payment for one order. No foreign key: declined payments have no order, and the module
    -- may move to a database of its own.
    order_id uuid NOT NULL UNIQUE,
    amount_minor_units bigint NOT NULL CHECK (amount_minor_units > 0),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    status text NOT NULL CHECK (status IN ('authorised', 'declined', 'voided')),
    created_at timestamptz NOT NULL DEFAULT now()
);

-- orders

CREATE TABLE orders (
    id uuid PRIMARY KEY,
    idempotency_key uuid NOT NULL UNIQUE,
    payment_id uuid NOT NULL UNIQUE,
    customer_email text NOT NULL CHECK (customer_email LIKE '_%@_%'),
    total_minor_units bigint NOT NULL CHECK (total_minor_units > 0),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    status text NOT NULL CHECK (status IN ('placed')),
    placed_at timestamptz NOT NULL DEFAULT now()
);

-- The fraud checks ask what a customer ordered lately.
CREATE INDEX orders_customer_email_placed_at ON orders (customer_email, placed_at);

CREATE TABLE order_lines (
    order_id uuid NOT NULL REFERENCES orders,
    position integer NOT NULL CHECK (position > 0),
    product_id text NOT NULL REFERENCES products,
    -- As they were when the order was placed.
    product_name text NOT NULL CHECK (product_name <> ''),
    unit_price_minor_units bigint NOT NULL CHECK (unit_price_minor_units > 0),
    quantity integer NOT NULL CHECK (quantity BETWEEN 1 AND 99),
    PRIMARY KEY (order_id, position),
    UNIQUE (order_id, product_id)
);
